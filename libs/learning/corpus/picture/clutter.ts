/** Silent things: furniture, plants, pictures and shapes that stand about, and movers that move without a sound. */
import { SeededRandom } from '#core/random';
import type { Brush, Colour, Point } from './brush.ts';
import { tone } from './brush.ts';
import { randomColour } from './look.ts';

export function drawFurniture(brush: Brush, random: SeededRandom, x: number, foot: number): void {
  const wood = randomColour(random);
  const width = random.uniform(0.16, 0.32);
  const height = random.uniform(0.12, 0.4);
  const kind = random.integer(0, 3);
  if (kind === 0) {
    for (const side of [0, width - 0.02])
      brush.rect(x + side, foot - height * 0.8, 0.02, height * 0.8, 0, tone(wood, -0.1));
    brush.rect(x - 0.02, foot - height * 0.85, width + 0.04, 0.03, 0.006, wood);
    return;
  }
  brush.rect(x, foot - height, width, height, 0.008, wood);
  const shelves = random.integer(2, 5);
  for (let shelf = 0; shelf < shelves; shelf++) {
    const y = foot - height + (shelf * height) / shelves;
    brush.rect(
      x + 0.012,
      y + 0.01,
      width - 0.024,
      height / shelves - 0.016,
      0,
      tone(wood, kind === 1 ? 0.08 : -0.15),
    );
    if (kind === 1)
      brush.ellipse(x + width / 2, y + height / shelves / 2, 0.008, 0.008, randomColour(random));
    else {
      for (let book = 0; book < 6; book++) {
        const tall = (height / shelves) * random.uniform(0.4, 0.75);
        brush.rect(
          x + 0.02 + book * width * 0.14,
          y + height / shelves - tall - 0.006,
          width * 0.11,
          tall,
          0,
          randomColour(random),
        );
      }
    }
  }
}

export function drawPlant(brush: Brush, random: SeededRandom, x: number, foot: number): void {
  const size = random.uniform(0.08, 0.2);
  const leaf = {
    hue: random.uniform(50, 170),
    saturation: random.uniform(0.2, 0.8),
    lightness: random.uniform(0.2, 0.6),
  };
  const count = random.integer(4, 9);
  for (let i = 0; i < count; i++) {
    const angle = -Math.PI * (0.15 + (0.7 * (i + 0.5)) / count);
    const reach = size * random.uniform(0.8, 1.3);
    brush.curve(
      [
        [x, foot - size * 0.4],
        [x + Math.cos(angle) * reach * 0.4, foot - size * 0.5 + Math.sin(angle) * reach],
        [x + Math.cos(angle) * reach, foot - size * 0.4 + Math.sin(angle) * reach],
      ],
      size * 0.1,
      tone(leaf, random.uniform(-0.1, 0.1)),
    );
  }
  brush.polygon(
    [
      [x - size * 0.3, foot - size * 0.45],
      [x + size * 0.3, foot - size * 0.45],
      [x + size * 0.2, foot],
      [x - size * 0.2, foot],
    ],
    randomColour(random),
  );
}

export function drawPicture(brush: Brush, random: SeededRandom, x: number, y: number): void {
  const [width, height] = [random.uniform(0.08, 0.18), random.uniform(0.08, 0.18)];
  brush.rect(x, y, width, height, 0, randomColour(random));
  brush.rect(x + 0.012, y + 0.012, width - 0.024, height - 0.024, 0, randomColour(random));
  brush.ellipse(
    x + width * random.uniform(0.3, 0.7),
    y + height * 0.6,
    width * 0.2,
    height * 0.18,
    randomColour(random),
  );
}

export function drawBox(brush: Brush, random: SeededRandom, x: number, foot: number): void {
  const size = random.uniform(0.06, 0.15);
  const colour = randomColour(random);
  brush.rect(x, foot - size, size, size, 0.004, colour);
  brush.polygon(
    [
      [x, foot - size],
      [x + size * 0.3, foot - size * 1.25],
      [x + size * 1.3, foot - size * 1.25],
      [x + size, foot - size],
    ],
    tone(colour, 0.12),
  );
  brush.polygon(
    [
      [x + size, foot - size],
      [x + size * 1.3, foot - size * 1.25],
      [x + size * 1.3, foot - size * 0.25],
      [x + size, foot],
    ],
    tone(colour, -0.12),
  );
}

export function drawShape(brush: Brush, random: SeededRandom, x: number, y: number): void {
  const size = random.uniform(0.03, 0.14);
  const colour = randomColour(random);
  const corners = random.integer(2, 7);
  if (corners === 2)
    brush.ellipse(x, y, size, size * random.uniform(0.5, 1), colour, random.uniform(0, Math.PI));
  else {
    const turn = random.uniform(0, Math.PI);
    const star = random.next() < 0.3 ? 0.5 : 1;
    const points = Array.from({ length: corners * 2 }, (_, i): Point => {
      const radius = i % 2 === 0 ? size : size * Math.cos(Math.PI / (corners * 2)) * star;
      const angle = turn + (i * Math.PI) / corners;
      return [x + Math.cos(angle) * radius, y + Math.sin(angle) * radius];
    });
    if (random.next() < 0.3) brush.blob(points, colour);
    else brush.polygon(points, colour);
  }
}

interface Mover {
  kind: 'ball' | 'spinner' | 'drifter';
  x: number;
  y: number;
  size: number;
  speed: number;
  phase: number;
  colours: [Colour, Colour];
}

/** Movers of one clip: what they do has nothing to do with any sound. */
export function planMovers(seed: string): Mover[] {
  const random = new SeededRandom(`movers/${seed}`);
  const count = random.pick([0, 0, 0, 1, 1, 2, 3]);
  return Array.from({ length: count }, () => ({
    kind: random.pick(['ball', 'spinner', 'drifter'] as const),
    x: random.uniform(0.05, 0.95),
    y: random.uniform(0.15, 0.9),
    size: random.uniform(0.03, 0.08),
    speed: random.uniform(0.3, 1.6),
    phase: random.uniform(0, 1),
    colours: [randomColour(random), randomColour(random)],
  }));
}

/** Draws a mover at a time, in the unit square of the frame. */
export function drawMover(brush: Brush, mover: Mover, timeSec: number): void {
  const { x, y, size, speed, phase, colours } = mover;
  const cycle = timeSec * speed + phase;
  if (mover.kind === 'ball') {
    const hop = Math.abs(Math.sin(cycle * Math.PI));
    const acrossX = ((x + timeSec * 0.05 * speed) % 1.2) - 0.1;
    brush.ellipse(acrossX, y - hop * 0.3, size, size * (0.85 + 0.15 * Math.min(1, hop * 4)), colours[0]);
    brush.ellipse(acrossX, y - hop * 0.3, size * 0.5, size * 0.3, colours[1], cycle * 2);
  } else if (mover.kind === 'spinner') {
    brush.limb(x, y, x, y + size * 3, size * 0.2, colours[1]);
    for (let blade = 0; blade < 4; blade++) {
      const angle = cycle * 4 + (blade * Math.PI) / 2;
      brush.ellipse(
        x + Math.cos(angle) * size,
        y + Math.sin(angle) * size,
        size * 0.9,
        size * 0.3,
        colours[0],
        angle,
      );
    }
  } else {
    const driftX = ((x + timeSec * 0.12 * speed + 0.2) % 1.4) - 0.2;
    brush.ellipse(driftX, y * 0.6 + 0.03 * Math.sin(cycle * 4), size, size * 0.8, colours[0]);
    brush.limb(
      driftX,
      y * 0.6 + size,
      driftX + 0.01 * Math.sin(cycle * 5),
      y * 0.6 + size * 2.5,
      size * 0.1,
      colours[1],
    );
  }
}
