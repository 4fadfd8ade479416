/** Backgrounds: the place where a clip is, drawn once. */
import type { Canvas } from '@napi-rs/canvas';
import { createCanvas } from '@napi-rs/canvas';
import { SeededRandom } from '#core/random';
import type { Venue } from '../venue.ts';
import { Brush, tone } from './brush.ts';
import { drawBox, drawFurniture, drawPicture, drawPlant, drawShape } from './clutter.ts';
import { contrasting, randomColour } from './look.ts';
import { drawLandscape, drawStreet } from './outdoors.ts';
import { drawBeach, drawHall, drawTiledRoom } from './places.ts';
import { layBokeh, layGradient, layNoise, layStripes, layTiles } from './textures.ts';

const PLACES: Record<Venue, (brush: Brush, random: SeededRandom) => void> = {
  room: drawRoom,
  hall: drawHall,
  studio: drawAbstract,
  landscape: drawLandscape,
  street: drawStreet,
  rain: (brush, random) => (random.next() < 0.5 ? drawLandscape : drawStreet)(brush, random),
  tiled: drawTiledRoom,
  beach: drawBeach,
};

/**
 * Draws a background that depends only on the seed and the place.
 *
 * @param widthPx  width of the bitmap, which should exceed the frame so that the camera can move
 */
export function drawBackground(seed: string, venue: Venue, widthPx: number, heightPx: number): Canvas {
  const random = new SeededRandom(`background/${seed}`);
  const canvas = createCanvas(widthPx, heightPx);
  const ctx = canvas.getContext('2d');
  ctx.scale(widthPx, heightPx);
  const outlined = random.next() < 0.4;
  const brush = new Brush(ctx, {
    outlineWidth: outlined ? random.uniform(0.002, 0.006) : 0,
    outline: {
      hue: random.uniform(0, 360),
      saturation: random.uniform(0, 0.4),
      lightness: random.uniform(0.05, 0.35),
    },
    shading: random.uniform(0, 0.7),
    lightX: random.uniform(-1, 1),
  });
  PLACES[venue](brush, random);
  if (random.next() < 0.6) layNoise(ctx, random, random.uniform(0.03, 0.12));
  return canvas;
}

function drawRoom(brush: Brush, random: SeededRandom): void {
  const wall = randomColour(random);
  const floorY = random.uniform(0.58, 0.78);
  layGradient(brush, random, wall, tone(wall, random.uniform(-0.15, 0.15)));
  const wallpaper = random.next();
  if (wallpaper < 0.25) layStripes(brush, random, [wall, tone(wall, random.uniform(-0.07, 0.07))]);
  else if (wallpaper < 0.4) layTiles(brush, random, [wall, tone(wall, 0.05)]);
  const floor = contrasting(random, wall);
  brush.rect(-0.05, floorY, 1.1, 1.1 - floorY, 0, floor);
  if (random.next() < 0.5) {
    const boards = random.integer(5, 12);
    for (let i = 0; i <= boards; i++) {
      const x = (i / boards - 0.5) * 1.2;
      brush.hair(
        [
          [0.5 + x, floorY],
          [0.5 + x * 1.9, 1.02],
        ],
        0.004,
        tone(floor, -0.12),
        0.8,
      );
    }
  }
  if (random.next() < 0.6) brush.rect(-0.05, floorY - 0.02, 1.1, 0.025, 0, tone(wall, 0.15));
  if (random.next() < 0.5) drawWindow(brush, random, random.uniform(0.08, 0.7), random.uniform(0.1, 0.25));
  const pictures = random.integer(0, 4);
  for (let i = 0; i < pictures; i++)
    drawPicture(brush, random, random.uniform(0.05, 0.85), random.uniform(0.1, 0.4));
  const pieces = random.integer(0, 4);
  for (let i = 0; i < pieces; i++)
    random.pick([drawFurniture, drawPlant, drawBox])(
      brush,
      random,
      random.uniform(0.05, 0.95),
      floorY + random.uniform(0.02, 0.2),
    );
  if (random.next() < 0.35)
    brush.ellipse(
      random.uniform(0.3, 0.7),
      floorY + 0.16,
      random.uniform(0.2, 0.4),
      0.06,
      randomColour(random),
    );
}

function drawWindow(brush: Brush, random: SeededRandom, x: number, y: number): void {
  const [width, height] = [random.uniform(0.16, 0.3), random.uniform(0.2, 0.32)];
  brush.rect(x - 0.015, y - 0.015, width + 0.03, height + 0.03, 0.005, randomColour(random));
  brush.rect(x, y, width, height, 0, {
    hue: random.uniform(170, 240),
    saturation: random.uniform(0.1, 0.7),
    lightness: random.uniform(0.15, 0.9),
  });
  brush.rect(x, y + height * 0.65, width, height * 0.35, 0, randomColour(random));
  const frame = randomColour(random);
  brush.hair(
    [
      [x + width / 2, y],
      [x + width / 2, y + height],
    ],
    0.012,
    frame,
  );
  brush.hair(
    [
      [x, y + height / 2],
      [x + width, y + height / 2],
    ],
    0.012,
    frame,
  );
  if (random.next() < 0.4) {
    const curtain = randomColour(random);
    for (const side of [-0.06, width - 0.02])
      brush.rect(x + side, y - 0.03, 0.08, height + 0.08, 0.02, curtain);
  }
}

function drawAbstract(brush: Brush, random: SeededRandom): void {
  const first = randomColour(random);
  const colours = [
    first,
    contrasting(random, first),
    tone(first, random.uniform(-0.1, 0.1)),
    randomColour(random),
  ];
  layGradient(brush, random, first, colours[1]!);
  random.pick([
    layStripes,
    layTiles,
    layBokeh,
    layBokeh,
    () => layNoise(brush.ctx, random, 0.5),
    () => undefined,
  ])(brush, random, colours);
  const shapes = random.integer(0, 7);
  for (let i = 0; i < shapes; i++) drawShape(brush, random, random.uniform(0, 1), random.uniform(0, 1));
}
