/** Patterned surfaces for backgrounds: value noise, stripes, tiles, bokeh. All draw into the unit square. */
import type { Canvas, SKRSContext2D } from '@napi-rs/canvas';
import { createCanvas } from '@napi-rs/canvas';
import type { SeededRandom } from '#core/random';
import type { Brush, Colour } from './brush.ts';
import { css, tone } from './brush.ts';
import { randomColour } from './look.ts';

/** A small square of random greys or colours; enlarged smoothly it becomes value noise. */
export function noiseTile(random: SeededRandom, side: number, coloured: boolean): Canvas {
  const canvas = createCanvas(side, side);
  const ctx = canvas.getContext('2d');
  const image = ctx.createImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    const bits = Math.floor(random.next() * 0x1000000);
    for (let channel = 0; channel < 3; channel++)
      image.data[i * 4 + channel] = (coloured ? bits >> (8 * channel) : bits) & 255;
    image.data[i * 4 + 3] = 255;
  }
  ctx.putImageData(image, 0, 0);
  return canvas;
}

/** Lays two or three octaves of value noise over the unit square. */
export function layNoise(ctx: SKRSContext2D, random: SeededRandom, strength: number): void {
  ctx.save();
  ctx.imageSmoothingEnabled = true;
  const coloured = random.next() < 0.5;
  for (const side of [4, 9, 24]) {
    ctx.globalAlpha = strength * random.uniform(0.4, 1);
    ctx.drawImage(noiseTile(random, side, coloured), 0, 0, 1, 1);
  }
  ctx.restore();
}

export function layGradient(brush: Brush, random: SeededRandom, from: Colour, to: Colour): void {
  const { ctx } = brush;
  const angle = random.uniform(0, Math.PI * 2);
  const radial = random.next() < 0.35;
  const [x, y] = [random.uniform(0.2, 0.8), random.uniform(0.2, 0.8)];
  const gradient = radial
    ? ctx.createRadialGradient(x, y, 0.05, x, y, 0.9)
    : ctx.createLinearGradient(
        0.5 - Math.cos(angle) * 0.6,
        0.5 - Math.sin(angle) * 0.6,
        0.5 + Math.cos(angle) * 0.6,
        0.5 + Math.sin(angle) * 0.6,
      );
  gradient.addColorStop(0, css(from));
  gradient.addColorStop(
    random.uniform(0.3, 0.7),
    css(
      random.next() < 0.3
        ? randomColour(random)
        : { ...from, lightness: (from.lightness + to.lightness) / 2 },
    ),
  );
  gradient.addColorStop(1, css(to));
  ctx.fillStyle = gradient;
  ctx.fillRect(0, 0, 1, 1);
}

export function layStripes(brush: Brush, random: SeededRandom, colours: readonly Colour[]): void {
  const width = random.uniform(0.03, 0.16);
  const wave = random.next() < 0.4 ? random.uniform(0.01, 0.06) : 0;
  brush.at(0.5, 0.5, random.uniform(0, Math.PI), () => {
    for (let i = 0; i * width < 1.6; i++) {
      const x = -0.8 + i * width;
      brush.hair(
        [
          [x, -0.8],
          [x + wave * 3, -0.3],
          [x - wave * 3, 0.3],
          [x, 0.8],
        ],
        width * 1.02,
        colours[i % colours.length]!,
      );
    }
  });
}

export function layTiles(brush: Brush, random: SeededRandom, colours: readonly Colour[]): void {
  const count = random.integer(4, 12);
  const size = 1 / count;
  const brick = random.next() < 0.5 ? 0.5 : 0;
  const gap = size * random.uniform(0.02, 0.12);
  const round = random.next() < 0.3 ? size * 0.4 : 0;
  for (let row = 0; row < count * (brick ? 2 : 1); row++) {
    for (let column = -1; column <= count; column++) {
      const height = brick ? size / 2 : size;
      const colour = tone(colours[(row + column * 3 + 3) % colours.length]!, random.uniform(-0.04, 0.04));
      const x = column * size + (row % 2) * brick * size;
      brush.rect(x + gap, row * height + gap, size - 2 * gap, height - 2 * gap, round, colour);
    }
  }
}

export function layBokeh(brush: Brush, random: SeededRandom, colours: readonly Colour[]): void {
  const { ctx } = brush;
  const count = random.integer(15, 50);
  for (let i = 0; i < count; i++) {
    ctx.beginPath();
    ctx.arc(random.uniform(0, 1), random.uniform(0, 1), random.uniform(0.015, 0.11), 0, Math.PI * 2);
    ctx.fillStyle = css(tone(random.pick(colours), random.uniform(-0.1, 0.25)), random.uniform(0.15, 0.6));
    ctx.fill();
  }
}
