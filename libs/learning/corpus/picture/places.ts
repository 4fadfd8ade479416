/** More places in the unit square: halls, tiled rooms, beaches. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from './brush.ts';
import { tone } from './brush.ts';
import { drawBox, drawPlant, drawShape } from './clutter.ts';
import { contrasting, randomColour } from './look.ts';
import { drawSky } from './outdoors.ts';
import { layGradient } from './textures.ts';

/** A hall in perspective: columns or arches along both walls, a far wall, lamps, a wide floor, sometimes curtains. */
export function drawHall(brush: Brush, random: SeededRandom): void {
  const wall = randomColour(random);
  const far = {
    left: random.uniform(0.28, 0.36),
    top: random.uniform(0.2, 0.3),
    foot: random.uniform(0.58, 0.66),
  };
  const right = 1 - far.left;
  layGradient(brush, random, wall, tone(wall, 0.1));
  brush.polygon(
    [
      [-0.1, -0.1],
      [1.1, -0.1],
      [right, far.top],
      [far.left, far.top],
    ],
    tone(wall, random.uniform(-0.18, 0.18)),
  );
  brush.rect(
    far.left,
    far.top,
    right - far.left,
    far.foot - far.top,
    0,
    tone(wall, random.uniform(-0.15, 0.1)),
  );
  const floor = contrasting(random, wall);
  brush.polygon(
    [
      [far.left, far.foot],
      [right, far.foot],
      [1.3, 1.1],
      [-0.3, 1.1],
    ],
    floor,
  );
  for (let i = 0; i <= 6; i++)
    brush.hair(
      [
        [far.left + (i / 6) * (right - far.left), far.foot],
        [-0.3 + (i / 6) * 1.6, 1.1],
      ],
      0.004,
      tone(floor, -0.12),
      0.8,
    );
  drawColonnade(brush, random, far, contrasting(random, wall));
  if (random.next() < 0.5) {
    const curtain = randomColour(random);
    for (let fold = 0; fold < 8; fold++) {
      const width = (right - far.left) / 8;
      brush.rect(
        far.left + fold * width,
        far.top,
        width,
        far.foot - far.top,
        0.01,
        tone(curtain, (fold % 2) * 0.08),
      );
    }
  } else {
    const panes = random.integer(2, 5);
    const pane = randomColour(random);
    for (let i = 0; i < panes; i++) {
      const x = far.left + ((i + 0.5) / panes) * (right - far.left);
      brush.ellipse(x, far.top + 0.1, 0.03, 0.06, pane);
    }
  }
  const lamps = random.integer(0, 4);
  for (let i = 0; i < lamps; i++) {
    const x = 0.5 + (i - (lamps - 1) / 2) * 0.16;
    brush.limb(x, -0.1, x, 0.1, 0.006, tone(wall, -0.2));
    brush.ellipse(x, 0.12, 0.04, 0.025, { hue: random.uniform(20, 60), saturation: 0.6, lightness: 0.85 });
  }
}

function drawColonnade(
  brush: Brush,
  random: SeededRandom,
  far: { left: number; top: number; foot: number },
  colour: ReturnType<typeof randomColour>,
): void {
  const count = random.integer(2, 5);
  const arched = random.next() < 0.5;
  for (const side of [-1, 1]) {
    for (let i = 0; i < count; i++) {
      const near = (i + 0.6) / count;
      const reach = far.left * (1 - near * near) - 0.02;
      const x = side < 0 ? reach : 1 - reach;
      const top = far.top * (1 - near) - 0.06 * near;
      const foot = far.foot + (1.02 - far.foot) * near * near;
      const width = 0.025 + 0.06 * near * near;
      brush.rect(x - width / 2, top, width, foot - top, 0.004, colour);
      brush.rect(x - width * 0.8, top, width * 1.6, width * 0.5, 0.004, tone(colour, 0.1));
      brush.rect(x - width * 0.8, foot - width * 0.5, width * 1.6, width * 0.5, 0.004, tone(colour, -0.1));
      if (arched) brush.ellipse(x - side * width * 1.6, top + 0.05, width * 1.3, 0.05, tone(colour, -0.08));
    }
  }
}

/** A room tiled up to the ceiling, with a basin or a tub, pipes and a mirror. */
export function drawTiledRoom(brush: Brush, random: SeededRandom): void {
  const tile = randomColour(random);
  const grout = tone(tile, tile.lightness > 0.5 ? -0.14 : 0.14);
  brush.rect(-0.05, -0.05, 1.1, 1.1, 0, grout);
  const floorY = random.uniform(0.66, 0.78);
  const count = random.integer(9, 15);
  const size = 1 / count;
  const band = random.integer(2, 6);
  const accent = randomColour(random);
  for (let row = 0; row * size < floorY; row++) {
    for (let column = 0; column < count; column++) {
      const colour = row === band ? accent : tone(tile, random.uniform(-0.025, 0.025));
      brush.rect(
        column * size + size * 0.05,
        row * size + size * 0.05,
        size * 0.9,
        size * 0.9,
        size * 0.08,
        colour,
      );
    }
  }
  const floor = contrasting(random, tile);
  brush.rect(-0.05, floorY, 1.1, 1.1 - floorY, 0, floor);
  for (let row = 0; row < 4; row++) {
    const y = floorY + (1 - floorY) * (row / 4) ** 1.4;
    brush.hair(
      [
        [0, y],
        [1, y],
      ],
      0.005,
      tone(floor, -0.12),
    );
  }
  const white = { hue: random.uniform(0, 360), saturation: 0.08, lightness: random.uniform(0.82, 0.95) };
  const x = random.uniform(0.05, 0.65);
  if (random.next() < 0.5) {
    brush.rect(x, floorY - 0.08, 0.36, 0.18, 0.07, white);
    brush.rect(x - 0.02, floorY - 0.1, 0.4, 0.04, 0.02, tone(white, -0.06));
  } else {
    brush.ellipse(x + 0.1, floorY - 0.14, 0.12, 0.06, white);
    brush.rect(x + 0.06, floorY - 0.12, 0.08, 0.24, 0.02, tone(white, -0.05));
    brush.ellipse(x + 0.1, floorY - 0.42, 0.09, 0.12, { hue: 200, saturation: 0.2, lightness: 0.8 });
  }
  const pipe: Point[] = [
    [random.uniform(0.8, 0.97), -0.05],
    [random.uniform(0.8, 0.97), 0.4],
    [random.uniform(0.7, 0.97), floorY],
  ];
  brush.curve(pipe, 0.025, randomColour(random));
}

/** Sand before the sea, under a sky. */
export function drawBeach(brush: Brush, random: SeededRandom): void {
  drawSky(brush, random);
  const horizon = random.uniform(0.36, 0.46);
  const sea =
    random.next() < 0.6
      ? {
          hue: random.uniform(170, 240),
          saturation: random.uniform(0.2, 0.8),
          lightness: random.uniform(0.2, 0.65),
        }
      : randomColour(random);
  brush.rect(-0.05, horizon, 1.1, 0.7, 0, sea);
  for (let i = 0; i < 14; i++) {
    const [x, y] = [random.uniform(0, 1), horizon + random.uniform(0.02, 0.24)];
    brush.hair(
      [
        [x, y],
        [x + 0.04, y - 0.008],
        [x + 0.09, y],
      ],
      0.006,
      tone(sea, 0.16),
      0.8,
    );
  }
  const sand =
    random.next() < 0.5
      ? {
          hue: random.uniform(25, 55),
          saturation: random.uniform(0.2, 0.6),
          lightness: random.uniform(0.5, 0.85),
        }
      : randomColour(random);
  const shore: Point[] = [[-0.2, 1.3]];
  for (let x = -0.2; x <= 1.21; x += 0.2) shore.push([x, 0.66 + random.uniform(-0.02, 0.03)]);
  shore.push([1.3, 1.3]);
  brush.blob(shore, sand);
  if (random.next() < 0.5) {
    const x = random.uniform(0.1, 0.9);
    brush.polygon(
      [
        [x - 0.06, horizon + 0.01],
        [x + 0.06, horizon + 0.01],
        [x + 0.04, horizon + 0.035],
        [x - 0.04, horizon + 0.035],
      ],
      randomColour(random),
    );
    brush.polygon(
      [
        [x, horizon],
        [x, horizon - 0.12],
        [x + 0.06, horizon - 0.01],
      ],
      randomColour(random),
    );
  }
  if (random.next() < 0.4) {
    const x = random.uniform(0.1, 0.9);
    brush.limb(x, 0.5, x, 0.82, 0.012, randomColour(random));
    brush.ellipse(x, 0.5, 0.16, 0.06, randomColour(random));
  }
  const items = random.integer(0, 4);
  for (let i = 0; i < items; i++)
    random.pick([drawPlant, drawShape, drawBox])(
      brush,
      random,
      random.uniform(0, 1),
      random.uniform(0.78, 0.96),
    );
}
