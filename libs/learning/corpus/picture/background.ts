/** Backgrounds: rooms, landscapes, streets and abstract surfaces, each drawn once for a clip. */
import type { Canvas } from '@napi-rs/canvas';
import { createCanvas } from '@napi-rs/canvas';
import { SeededRandom } from '#core/random';
import type { Colour, Point } from './brush.ts';
import { Brush, tone } from './brush.ts';
import { drawBox, drawFurniture, drawPicture, drawPlant, drawShape } from './clutter.ts';
import { contrasting, randomColour } from './look.ts';
import { layBokeh, layGradient, layNoise, layStripes, layTiles } from './textures.ts';

/**
 * Draws a background that depends only on the seed.
 *
 * @param widthPx  width of the bitmap, which should exceed the frame so that the camera can move
 */
export function drawBackground(seed: string, widthPx: number, heightPx: number): Canvas {
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
  random.pick([drawRoom, drawRoom, drawLandscape, drawLandscape, drawStreet, drawAbstract, drawAbstract])(
    brush,
    random,
  );
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

function drawSky(brush: Brush, random: SeededRandom): void {
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

function drawLandscape(brush: Brush, random: SeededRandom): void {
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

function drawStreet(brush: Brush, random: SeededRandom): void {
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
