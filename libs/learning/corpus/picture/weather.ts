/** What moves in a place and makes its noise: vehicles on a street, waves at a beach, rain. */
import type { SKRSContext2D } from '@napi-rs/canvas';
import { SeededRandom } from '#core/random';
import { type Passage, planPassages, type Venue } from '../venue.ts';
import type { Brush, Colour, Point } from './brush.ts';
import { css, tone } from './brush.ts';
import { randomColour } from './look.ts';

export interface Weather {
  venue: Venue;
  passages: (Passage & { y: number; size: number; colours: [Colour, Colour] })[];
  /** Streaks of rain, each with its own place and speed. */
  drops: { x: number; y: number; speed: number; length: number }[];
  slant: number;
  streak: Colour;
}

/** @param seed that of the clip, from which its noise is made as well */
export function planWeather(seed: string, venue: Venue, durationSec: number): Weather {
  const random = new SeededRandom(`weather/${seed}`);
  const passages = planPassages(seed, venue, durationSec).map((passage) => ({
    ...passage,
    y: random.uniform(0.76, 0.84),
    size: 0.1 + 0.1 * passage.strength,
    colours: [randomColour(random), randomColour(random)] as [Colour, Colour],
  }));
  const count = venue === 'rain' ? random.integer(30, 80) : 0;
  return {
    venue,
    passages,
    drops: Array.from({ length: count }, () => ({
      x: random.uniform(-0.2, 1.2),
      y: random.next(),
      speed: random.uniform(1.4, 2.4),
      length: random.uniform(0.03, 0.08),
    })),
    slant: random.uniform(-0.3, 0.3),
    streak: {
      hue: random.uniform(180, 240),
      saturation: random.uniform(0, 0.3),
      lightness: random.uniform(0.7, 0.95),
    },
  };
}

/** Behind the objects, in the unit square of the frame. */
export function drawPassages(brush: Brush, weather: Weather, timeSec: number): void {
  for (const passage of weather.passages) {
    const along = (timeSec - passage.atSec) / passage.lengthSec;
    if (Math.abs(along) > 0.8) continue;
    if (weather.venue === 'beach') drawWave(brush, passage.strength, along);
    else drawVehicle(brush, passage, along);
  }
}

function drawVehicle(brush: Brush, passage: Weather['passages'][number], along: number): void {
  const { y, size, direction, colours } = passage;
  const x = 0.5 + direction * along * 1.7;
  const points: Point[] = [
    [-1, 0],
    [-0.95, -0.45],
    [-0.6, -0.5],
    [-0.4, -0.95],
    [0.3, -0.95],
    [0.55, -0.5],
    [0.95, -0.4],
    [1, 0],
  ];
  brush.polygon(
    points.map(([px, py]): Point => [x + direction * px * size, y + py * size * 0.7]),
    colours[0],
  );
  brush.rect(x - size * 0.32, y - size * 0.6, size * 0.6, size * 0.22, 0, colours[1]);
  for (const wheel of [-0.55, 0.55])
    brush.ellipse(x + wheel * size, y, size * 0.2, size * 0.2, { hue: 0, saturation: 0, lightness: 0.12 });
}

/** Foam that runs up the sand and back. */
function drawWave(brush: Brush, strength: number, along: number): void {
  const up = Math.cos((along * Math.PI) / 1.6) ** 2 * strength;
  const y = 0.62 + 0.13 * up;
  const crest: Point[] = [];
  for (let x = -0.2; x <= 1.21; x += 0.1) crest.push([x, y + 0.012 * Math.sin(x * 23 + strength * 40)]);
  brush.hair(crest, 0.02 + 0.03 * up, { hue: 200, saturation: 0.1, lightness: 0.94 }, 0.35 + 0.6 * up);
}

/** Before the objects. */
export function drawRain(
  ctx: SKRSContext2D,
  weather: Weather,
  timeSec: number,
  width: number,
  height: number,
): void {
  if (weather.drops.length === 0) return;
  ctx.beginPath();
  for (const { x, y, speed, length } of weather.drops) {
    const fallen = (y + timeSec * speed) % 1.1;
    const left = x + weather.slant * fallen;
    ctx.moveTo(left * width, (fallen - length) * height);
    ctx.lineTo((left + weather.slant * length) * width, fallen * height);
  }
  ctx.lineWidth = Math.max(0.6, width * 0.006);
  ctx.strokeStyle = css(tone(weather.streak, 0), 0.55);
  ctx.stroke();
}
