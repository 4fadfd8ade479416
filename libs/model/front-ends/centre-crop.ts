/** The middle of pictures, bilinearly brought to their size, in colour and in small luma; its transpose, and mirrors. */
import { lumaPixels } from './motion.ts';
import type { PixelBlock } from './video-batch.ts';

interface Size {
  width: number;
  height: number;
}

/** Between which two source places each place of an axis lies, and what part of the second. */
interface Sampling {
  first: Int32Array;
  second: Int32Array;
  part: Float32Array;
}

/** Bilinear: places of the middle `centrePart` of an axis, spread over the whole of it. */
function sampling(size: number, centrePart: number): Sampling {
  const first = new Int32Array(size);
  const second = new Int32Array(size);
  const part = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const at = size / 2 + (i + 0.5 - size / 2) * centrePart - 0.5;
    const inside = Math.max(0, Math.min(size - 1, at));
    first[i] = Math.floor(inside);
    second[i] = Math.min(size - 1, Math.floor(inside) + 1);
    part[i] = inside - Math.floor(inside);
  }
  return { first, second, part };
}

/** The middle of every so many frames, as large as the frame, in floats of 0..1. */
export function centreCrop(
  { data, count }: PixelBlock,
  { width, height }: Size,
  centrePart: number,
  everyFrames: number,
): PixelBlock {
  const across = sampling(width, centrePart);
  const down = sampling(height, centrePart);
  const scale = fullScale(data);
  const shown = Math.ceil(count / everyFrames);
  const rowLength = width * 3;
  const out = new Float32Array(shown * height * rowLength);
  const row = new Float32Array(rowLength);
  for (let frame = 0, at = 0; frame < shown; frame++) {
    for (let y = 0; y < height; y++) {
      const upper = (frame * everyFrames * height + (down.first[y] as number)) * rowLength;
      const lower = (frame * everyFrames * height + (down.second[y] as number)) * rowLength;
      const part = (down.part[y] as number) * scale;
      const rest = scale - part;
      for (let i = 0; i < rowLength; i++)
        row[i] = rest * (data[upper + i] as number) + part * (data[lower + i] as number);
      for (let x = 0; x < width; x++) {
        const left = 3 * (across.first[x] as number);
        const right = 3 * (across.second[x] as number);
        const second = across.part[x] as number;
        for (let channel = 0; channel < 3; channel++, at++) {
          const value = row[left + channel] as number;
          out[at] = value + second * ((row[right + channel] as number) - value);
        }
      }
    }
  }
  return { data: out, count: shown };
}

/** For each place of a coarse axis, the places of the fine one that it is made of. */
interface Taps {
  first: Int32Array;
  /** `[count, coarse size]` */
  weights: Float32Array;
  count: number;
}

/** Added up in one pass, which is several times as fast as one after another; what is not needed has no weight. */
const TAPS_AT_ONCE = 3;

/** Bilinear places of the middle of an axis, averaged over blocks. */
function tapsOf(size: number, coarse: number, centrePart: number): Taps {
  const { first, second, part } = sampling(size, centrePart);
  const block = size / coarse;
  const starts = Int32Array.from({ length: coarse }, (_, i) => first[i * block] as number);
  const reach = Array.from(starts, (start, i) => (second[(i + 1) * block - 1] as number) - start + 1);
  const count = Math.max(TAPS_AT_ONCE, ...reach);
  const weights = new Float32Array(coarse * count);
  const add = (i: number, source: number, weight: number) => {
    const at = (source - (starts[i] as number)) * coarse + i;
    weights[at] = (weights[at] as number) + weight / block;
  };
  for (let fine = 0; fine < size; fine++) {
    const i = Math.floor(fine / block);
    add(i, first[fine] as number, 1 - (part[fine] as number));
    add(i, second[fine] as number, part[fine] as number);
  }
  return { first: starts, weights, count };
}

/**
 * What `lumaFrames` answers for the middle of each frame, without making that in colour: both are weighted sums.
 *
 * @returns `[count, size, size]`, 0..1
 */
export function centreLuma(
  { data, count }: PixelBlock,
  { width, height }: Size,
  size: number,
  centrePart: number,
): Float32Array {
  const across = tapsOf(width, size, centrePart);
  const down = tapsOf(height, size, centrePart);
  const scale = fullScale(data);
  const out = new Float32Array(count * size * size);
  const top = down.first[0] as number;
  const rows = Math.min(height, (down.first[size - 1] as number) + down.count) - top;
  // Room for taps of no weight beyond the last row and the last pixel.
  const luma = new Float32Array((rows + down.count) * width);
  const flat = new Float32Array(size * width + across.count);
  for (let frame = 0; frame < count; frame++) {
    lumaPixels(data, (frame * height + top) * width * 3, rows * width, scale, luma);
    for (let y = 0; y < size; y++) {
      downRows(luma, ((down.first[y] as number) - top) * width, down, y, flat, y * width, width);
      acrossRow(flat, y * width, across, out, (frame * size + y) * size);
    }
  }
  return out;
}

/** The weighted sum of fine rows, each `width` long, that makes a coarse one. */
function downRows(
  rows: Float32Array,
  from: number,
  { first, weights, count }: Taps,
  y: number,
  out: Float32Array,
  at: number,
  width: number,
): void {
  const size = first.length;
  const [one, two, three] = [weights[y], weights[size + y], weights[2 * size + y]] as [
    number,
    number,
    number,
  ];
  for (let x = 0; x < width; x++)
    out[at + x] =
      one * (rows[from + x] as number) +
      two * (rows[from + width + x] as number) +
      three * (rows[from + 2 * width + x] as number);
  for (let tap = TAPS_AT_ONCE; tap < count; tap++) {
    const weight = weights[tap * size + y] as number;
    for (let x = 0; x < width; x++)
      out[at + x] = (out[at + x] as number) + weight * (rows[from + tap * width + x] as number);
  }
}

/** The weighted sums of a fine row's pixels that make a coarse row. */
function acrossRow(
  row: Float32Array,
  from: number,
  { first, weights, count }: Taps,
  out: Float32Array,
  at: number,
): void {
  const size = first.length;
  for (let x = 0; x < size; x++) {
    const start = from + (first[x] as number);
    out[at + x] =
      (weights[x] as number) * (row[start] as number) +
      (weights[size + x] as number) * (row[start + 1] as number) +
      (weights[2 * size + x] as number) * (row[start + 2] as number);
  }
  for (let tap = TAPS_AT_ONCE; tap < count; tap++)
    for (let x = 0; x < size; x++)
      out[at + x] =
        (out[at + x] as number) +
        (weights[tap * size + x] as number) * (row[from + tap + (first[x] as number)] as number);
}

function fullScale(data: Uint8Array | Float32Array): number {
  return data instanceof Float32Array ? 1 : 1 / 255;
}

/**
 * The transpose of `centreCrop` of all frames: from a gradient for what it answers to one for the picture.
 *
 * @param gradient `[count, height, width, 3]`
 */
export function centreCropTransposed(
  gradient: Float32Array,
  { width, height }: Size,
  centrePart: number,
): Float32Array {
  const across = sampling(width, centrePart);
  const down = sampling(height, centrePart);
  const out = new Float32Array(gradient.length);
  const add = (at: number, value: number) => {
    out[at] = (out[at] as number) + value;
  };
  gradient.forEach((value, i) => {
    const channel = i % 3;
    const x = Math.floor(i / 3) % width;
    const line = Math.floor(i / (3 * width));
    const y = line % height;
    const frameStart = line - y;
    for (const [row, vertical] of [
      [down.first[y] as number, 1 - (down.part[y] as number)],
      [down.second[y] as number, down.part[y] as number],
    ] as const) {
      const start = (frameStart + row) * width;
      const second = across.part[x] as number;
      add(3 * (start + (across.first[x] as number)) + channel, value * vertical * (1 - second));
      add(3 * (start + (across.second[x] as number)) + channel, value * vertical * second);
    }
  });
  return out;
}

/** Each row of pixels turned round; channels stay as they are. */
export function mirrored(pixels: Float32Array, width: number, channels: number): Float32Array {
  const out = new Float32Array(pixels.length);
  const rowLength = width * channels;
  for (let channel = 0; channel < channels; channel++)
    for (let row = 0; row < pixels.length; row += rowLength)
      for (
        let from = row + channel, to = row + rowLength - channels + channel;
        from < row + rowLength;
        from += channels, to -= channels
      )
        out[to] = pixels[from] as number;
  return out;
}
