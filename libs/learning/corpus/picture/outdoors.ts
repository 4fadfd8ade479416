/** Outdoor backgrounds in the unit square: sky, hills, trees, houses, streets. */
import type { SeededRandom } from '#core/random';
import type { Brush, Colour, Point } from './brush.ts';
import { tone } from './brush.ts';
import { drawBox, drawPlant, drawShape } from './clutter.ts';
import { randomColour } from './look.ts';
import { layGradient } from './textures.ts';

export function drawSky(brush: Brush, random: SeededRandom): void {
  const sky =
    random.next() < 0.6
      ? {
          hue: random.uniform(180, 250),
          saturation: random.uniform(0.2, 0.8),
          lightness: random.uniform(0.15, 0.85),
        }
      : randomColour(random);
  layGradient(brush, random, sky, tone(randomColour(random), 0.1));
  if (random.next() < 0.5)
    brush.ellipse(random.uniform(0.1, 0.9), random.uniform(0.08, 0.3), 0.05, 0.05, {
      hue: random.uniform(20, 60),
      saturation: 0.8,
      lightness: 0.85,
    });
  const clouds = random.integer(0, 5);
  for (let i = 0; i < clouds; i++) {
    const [x, y] = [random.uniform(0, 1), random.uniform(0.05, 0.35)];
    const colour = { hue: sky.hue, saturation: 0.15, lightness: random.uniform(0.6, 0.96) };
    for (let puff = 0; puff < 4; puff++)
      brush.ellipse(
        x + puff * 0.05,
        y + random.uniform(-0.02, 0.02),
        random.uniform(0.04, 0.08),
        random.uniform(0.02, 0.04),
        colour,
      );
  }
}

/** Hills under a sky, with trees and sometimes a house. */
export function drawLandscape(brush: Brush, random: SeededRandom): void {
  drawSky(brush, random);
  const ranges = random.integer(1, 5);
  const ground =
    random.next() < 0.6
      ? {
          hue: random.uniform(60, 150),
          saturation: random.uniform(0.15, 0.7),
          lightness: random.uniform(0.2, 0.65),
        }
      : randomColour(random);
  for (let i = 0; i < ranges; i++) {
    const y = 0.42 + (i / ranges) * 0.3;
    const points: Point[] = [[-0.2, 1.3]];
    for (let x = -0.2; x <= 1.21; x += 0.2) points.push([x, y + random.uniform(-0.09, 0.07)]);
    points.push([1.3, 1.3]);
    const colour: Colour = {
      ...ground,
      hue: ground.hue + random.uniform(-25, 25),
      lightness: ground.lightness + 0.12 - i * 0.05,
    };
    if (random.next() < 0.25) brush.polygon(points, colour);
    else brush.blob(points, colour);
  }
  const trees = random.integer(0, 7);
  for (let i = 0; i < trees; i++) drawTree(brush, random, random.uniform(0, 1), random.uniform(0.6, 0.85));
  if (random.next() < 0.35)
    drawHouse(
      brush,
      random,
      random.uniform(0.05, 0.8),
      random.uniform(0.6, 0.75),
      random.uniform(0.12, 0.22),
    );
  const items = random.integer(0, 4);
  for (let i = 0; i < items; i++)
    random.pick([drawPlant, drawShape, drawBox])(
      brush,
      random,
      random.uniform(0, 1),
      random.uniform(0.75, 0.95),
    );
}

function drawTree(brush: Brush, random: SeededRandom, x: number, y: number): void {
  const size = random.uniform(0.08, 0.22);
  const leaves =
    random.next() < 0.7
      ? {
          hue: random.uniform(40, 160),
          saturation: random.uniform(0.2, 0.7),
          lightness: random.uniform(0.2, 0.6),
        }
      : randomColour(random);
  brush.rect(x - size * 0.06, y - size * 0.5, size * 0.12, size * 0.5, 0, {
    hue: 25,
    saturation: 0.35,
    lightness: random.uniform(0.15, 0.45),
  });
  if (random.next() < 0.4) {
    for (let tier = 0; tier < 3; tier++) {
      const half = size * (0.4 - tier * 0.09);
      const foot = y - size * (0.3 + tier * 0.28);
      brush.polygon(
        [
          [x - half, foot],
          [x, foot - size * 0.5],
          [x + half, foot],
        ],
        leaves,
      );
    }
  } else
    for (let i = 0; i < 4; i++)
      brush.ellipse(
        x + random.uniform(-0.3, 0.3) * size,
        y - size * random.uniform(0.6, 1),
        size * 0.32,
        size * 0.28,
        tone(leaves, random.uniform(-0.06, 0.06)),
      );
}

function drawHouse(brush: Brush, random: SeededRandom, x: number, foot: number, size: number): void {
  const wall = randomColour(random);
  const height = size * random.uniform(0.8, 1.6);
  brush.rect(x, foot - height, size, height, 0, wall);
  brush.polygon(
    [
      [x - size * 0.1, foot - height],
      [x + size / 2, foot - height - size * random.uniform(0.2, 0.6)],
      [x + size * 1.1, foot - height],
    ],
    randomColour(random),
  );
  const pane = randomColour(random);
  for (let row = 0; row < 3; row++) {
    for (const column of [0.15, 0.6]) {
      const y = foot - height + size * (0.15 + row * 0.4);
      if (y < foot - size * 0.3) brush.rect(x + size * column, y, size * 0.22, size * 0.22, 0, pane);
    }
  }
  brush.rect(x + size * 0.4, foot - size * 0.3, size * 0.2, size * 0.3, 0, randomColour(random));
}

/** A row of houses behind a road. */
export function drawStreet(brush: Brush, random: SeededRandom): void {
  drawSky(brush, random);
  const foot = random.uniform(0.62, 0.74);
  for (let x = -0.1; x < 1; ) {
    const size = random.uniform(0.14, 0.26);
    drawHouse(brush, random, x, foot, size);
    x += size * random.uniform(0.95, 1.3);
  }
  const road = {
    hue: random.uniform(0, 360),
    saturation: random.uniform(0, 0.25),
    lightness: random.uniform(0.2, 0.65),
  };
  brush.rect(-0.05, foot, 1.1, 0.06, 0, tone(road, 0.15));
  brush.rect(-0.05, foot + 0.06, 1.1, 0.5, 0, road);
  if (random.next() < 0.6)
    for (let x = 0; x < 1; x += 0.14) brush.rect(x, foot + 0.2, 0.08, 0.015, 0, tone(road, 0.35));
  const lamps = random.integer(0, 3);
  for (let i = 0; i < lamps; i++) {
    const x = random.uniform(0, 1);
    brush.limb(x, foot + 0.02, x, foot - 0.3, 0.012, tone(road, -0.15));
    brush.ellipse(x, foot - 0.31, 0.025, 0.02, { hue: 50, saturation: 0.6, lightness: 0.85 });
  }
  if (random.next() < 0.5) drawTree(brush, random, random.uniform(0, 1), foot + 0.04);
}
