/** The picture's side of augmentation: one transform a clip, the same for its colour and its motion frames. */
import type { SeededRandom } from '#core/random';
import { motionFromLuma } from '#model/front-ends/motion';

/** Crop and mirror in parts of the frame, colours in normalised units, luma in 0..1. */
export interface PixelTransform {
  left: number;
  top: number;
  side: number;
  mirrored: boolean;
  /** Which channel of the picture each output channel is taken from. */
  channels: [number, number, number];
  /** Per channel: byte * scale + shift. */
  scale: [number, number, number];
  shift: [number, number, number];
  lumaScale: number;
  lumaShift: number;
}

interface Normalization {
  mean: readonly [number, number, number];
  deviation: readonly [number, number, number];
}

/** @param random null: the frame as it is, normalised */
export function drawPixelTransform(
  { mean, deviation }: Normalization,
  options: { smallestCrop: number; invertedPart: number },
  random: SeededRandom | null,
): PixelTransform {
  const inverted = random ? random.next() < options.invertedPart : false;
  const tints = [0, 1, 2].map(() => {
    if (!random) return { scale: 1, shift: 0 };
    const contrast = random.uniform(0.7, 1.3);
    const brightness = random.uniform(-0.12, 0.12);
    return inverted ? { scale: -contrast, shift: 1 + brightness } : { scale: contrast, shift: brightness };
  });
  const part = (values: number[]) => values as [number, number, number];
  const side = random ? random.uniform(options.smallestCrop, 1) : 1;
  return {
    side,
    left: random ? random.uniform(0, 1 - side) : 0,
    top: random ? random.uniform(0, 1 - side) : 0,
    mirrored: random ? random.next() < 0.5 : false,
    channels: random ? part(random.shuffle([0, 1, 2])) : [0, 1, 2],
    scale: part(tints.map((tint, i) => tint.scale / 255 / (deviation[i] as number))),
    shift: part(tints.map((tint, i) => (tint.shift - (mean[i] as number)) / (deviation[i] as number))),
    lumaScale: tints.reduce((sum, tint) => sum + tint.scale / 3, 0) / 255,
    lumaShift: tints.reduce((sum, tint) => sum + tint.shift / 3, 0),
  };
}

/** Bilinear from the crop to the tower's size. */
export function writeColourFrame(
  pixels: Uint8Array,
  offset: number,
  frameSize: number,
  target: { data: Float32Array; width: number; height: number; position: number },
  transform: PixelTransform,
): void {
  const { data, width, height, position } = target;
  const columns = samplePoints(width, transform.left, transform.side, frameSize);
  const rows = samplePoints(height, transform.top, transform.side, frameSize);
  const { scale, shift, mirrored, channels } = transform;
  for (let y = 0; y < height; y++) {
    const top = offset + (rows.low[y] as number) * frameSize * 3;
    const bottom = offset + (rows.high[y] as number) * frameSize * 3;
    const fy = rows.fraction[y] as number;
    for (let x = 0; x < width; x++) {
      const left = (columns.low[x] as number) * 3;
      const right = (columns.high[x] as number) * 3;
      const fx = columns.fraction[x] as number;
      const at = ((position * height + y) * width + (mirrored ? width - 1 - x : x)) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const from = channels[channel] as number;
        const a = pixels[top + left + from] as number;
        const b = pixels[top + right + from] as number;
        const c = pixels[bottom + left + from] as number;
        const d = pixels[bottom + right + from] as number;
        const upper = a + (b - a) * fx;
        const value = upper + (c + (d - c) * fx - upper) * fy;
        data[at + channel] = value * (scale[channel] as number) + (shift[channel] as number);
      }
    }
  }
}

/** Motion frames of `steps` steps of a clip that is turned round by `turn`; the seam shows no change. */
export function writeMotion(
  luma: { data: Uint8Array; offset: number; size: number; steps: number },
  turn: number,
  steps: number,
  size: number,
  out: Float32Array,
  row: number,
  transform: PixelTransform,
): void {
  const frames = new Float32Array(steps * size * size);
  for (let step = 0; step < steps; step++) {
    const source = (step - turn + luma.steps) % luma.steps;
    writeLuma(luma, source, size, frames, step, transform);
  }
  const outOffset = row * frames.length * 2;
  // What follows the seam starts anew, or the jump would pass for a strike.
  const seam = turn === 0 || turn >= steps ? steps : turn;
  motionFromLuma(frames, seam, size, out, outOffset);
  if (seam < steps) {
    const first = seam * size * size;
    motionFromLuma(frames.subarray(first), steps - seam, size, out, outOffset + 2 * first);
  }
}

function writeLuma(
  luma: { data: Uint8Array; offset: number; size: number },
  source: number,
  size: number,
  frames: Float32Array,
  step: number,
  { left, top, side, mirrored, lumaScale, lumaShift }: PixelTransform,
): void {
  const columns = samplePoints(size, left, side, luma.size);
  const rows = samplePoints(size, top, side, luma.size);
  const base = luma.offset + source * luma.size * luma.size;
  for (let y = 0; y < size; y++) {
    const upperRow = base + (rows.low[y] as number) * luma.size;
    const lowerRow = base + (rows.high[y] as number) * luma.size;
    const fy = rows.fraction[y] as number;
    for (let x = 0; x < size; x++) {
      const low = columns.low[x] as number;
      const high = columns.high[x] as number;
      const fx = columns.fraction[x] as number;
      const a = luma.data[upperRow + low] as number;
      const c = luma.data[lowerRow + low] as number;
      const upper = a + ((luma.data[upperRow + high] as number) - a) * fx;
      const value = upper + (c + ((luma.data[lowerRow + high] as number) - c) * fx - upper) * fy;
      frames[(step * size + y) * size + (mirrored ? size - 1 - x : x)] = value * lumaScale + lumaShift;
    }
  }
}

/** Where each output pixel's centre lies in the source: two neighbours and the part of the second. */
function samplePoints(count: number, offset: number, side: number, limit: number) {
  const low = new Int32Array(count);
  const high = new Int32Array(count);
  const fraction = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const at = (offset + ((i + 0.5) * side) / count) * limit - 0.5;
    const position = Math.min(limit - 1, Math.max(0, at));
    low[i] = Math.floor(position);
    high[i] = Math.min(limit - 1, (low[i] as number) + 1);
    fraction[i] = position - (low[i] as number);
  }
  return { low, high, fraction };
}
