/** The picture's side of augmentation: one transform a clip, the same for its colour and its motion frames. */
import type { SeededRandom } from '#core/random';
import { motionFromLuma } from '#model/front-ends/motion';

/** Crop and mirror in parts of the frame, colours in normalised units, luma in 0..1. */
export interface PixelTransform {
  left: number;
  top: number;
  width: number;
  height: number;
  /** How far each axis is stretched in one part and squeezed in another, see `samplePoints`. */
  bend: { across: Bend; down: Bend };
  mirrored: boolean;
  /** Which channel of the picture each output channel is taken from. */
  channels: [number, number, number];
  /** Per channel: byte * scale + shift. */
  scale: [number, number, number];
  shift: [number, number, number];
  lumaScale: number;
  lumaShift: number;
}

interface Bend {
  /** 0: even; below 1, or the axis would turn back. */
  amount: number;
  /** In parts of a turn. */
  phase: number;
}

interface Normalization {
  mean: readonly [number, number, number];
  deviation: readonly [number, number, number];
}

/** @param random null: the middle of the frame as it is, normalised, `centrePart` of its side */
export function drawPixelTransform(
  { mean, deviation }: Normalization,
  options: {
    smallestCrop: number;
    largestAspect: number;
    largestBend: number;
    invertedPart: number;
    centrePart: number;
  },
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
  const side = random ? random.uniform(options.smallestCrop, 1) : options.centrePart;
  // Wider or taller than it was: the longer side of the crop keeps its length.
  const aspect = random ? options.largestAspect ** random.uniform(-1, 1) : 1;
  const width = side * Math.min(1, aspect);
  const height = side * Math.min(1, 1 / aspect);
  const bend = (): Bend => ({
    amount: random ? random.uniform(0, options.largestBend) : 0,
    phase: random ? random.next() : 0,
  });
  return {
    width,
    height,
    left: random ? random.uniform(0, 1 - width) : (1 - width) / 2,
    top: random ? random.uniform(0, 1 - height) : (1 - height) / 2,
    bend: { across: bend(), down: bend() },
    mirrored: random ? random.next() < 0.5 : false,
    channels: random ? part(random.shuffle([0, 1, 2])) : [0, 1, 2],
    scale: part(tints.map((tint, i) => tint.scale / 255 / (deviation[i] as number))),
    shift: part(tints.map((tint, i) => (tint.shift - (mean[i] as number)) / (deviation[i] as number))),
    lumaScale: tints.reduce((sum, tint) => sum + tint.scale / 3, 0) / 255,
    lumaShift: tints.reduce((sum, tint) => sum + tint.shift / 3, 0),
  };
}

/** Bilinear resampling of a clip's frames, its sample points worked out once. */
interface Resampling {
  /** Output values of a row: pixels times channels. */
  rowLength: number;
  /** For each value of a row: the two source values of a row that it lies between, and the part of the second. */
  left: Int32Array;
  right: Int32Array;
  across: Float32Array;
  /** For each output row: the two source rows, as offsets into the frame, and the part of the second. */
  upper: Int32Array;
  lower: Int32Array;
  down: Float32Array;
  scale: Float32Array;
  shift: Float32Array;
  /** Two source rows, already resampled across. */
  rows: [Float32Array, Float32Array];
}

interface Layout {
  /** Side of the source frame. */
  frameSize: number;
  /** Values a pixel of the source has. */
  sourceChannels: number;
  /** For each value of an output pixel: which value of the source it is, and what it becomes. */
  channels: readonly { from: number; scale: number; shift: number }[];
}

/** Into `width * height` pixels, mirrored by reading the columns backwards. */
function planResampling(
  { width, height }: { width: number; height: number },
  { frameSize, sourceChannels, channels }: Layout,
  { left, top, mirrored, bend, ...crop }: PixelTransform,
): Resampling {
  const columns = samplePoints(width, { offset: left, length: crop.width, bend: bend.across }, frameSize);
  const rows = samplePoints(height, { offset: top, length: crop.height, bend: bend.down }, frameSize);
  const rowLength = width * channels.length;
  const stride = frameSize * sourceChannels;
  const perValue = <T>(of: (x: number, channel: Layout['channels'][number]) => T) =>
    Array.from({ length: rowLength }, (_, i) => {
      const x = Math.floor(i / channels.length);
      return of(mirrored ? width - 1 - x : x, channels[i % channels.length] as Layout['channels'][number]);
    });
  return {
    rowLength,
    left: Int32Array.from(perValue((x, { from }) => (columns.low[x] as number) * sourceChannels + from)),
    right: Int32Array.from(perValue((x, { from }) => (columns.high[x] as number) * sourceChannels + from)),
    across: Float32Array.from(perValue((x) => columns.fraction[x] as number)),
    upper: rows.low.map((row) => row * stride),
    lower: rows.high.map((row) => row * stride),
    down: rows.fraction,
    scale: Float32Array.from(perValue((_, { scale }) => scale)),
    shift: Float32Array.from(perValue((_, { shift }) => shift)),
    rows: [new Float32Array(rowLength), new Float32Array(rowLength)],
  };
}

/** One frame; a source row that two output rows share is resampled across only once. */
function resample(
  plan: Resampling,
  pixels: Uint8Array,
  offset: number,
  out: Float32Array,
  outOffset: number,
): void {
  const { rowLength, upper, lower, down, scale, shift } = plan;
  let [above, below] = plan.rows;
  let aboveAt = -1;
  let belowAt = -1;
  let at = outOffset;
  for (let y = 0; y < upper.length; y++) {
    const wantedAbove = upper[y] as number;
    const wantedBelow = lower[y] as number;
    if (wantedAbove !== aboveAt && wantedAbove === belowAt) {
      [above, below] = [below, above];
      [aboveAt, belowAt] = [belowAt, aboveAt];
    }
    if (wantedAbove !== aboveAt) resampleRow(plan, pixels, offset + wantedAbove, above);
    aboveAt = wantedAbove;
    if (wantedBelow !== belowAt) resampleRow(plan, pixels, offset + wantedBelow, below);
    belowAt = wantedBelow;
    const part = down[y] as number;
    for (let i = 0; i < rowLength; i++, at++) {
      const value = above[i] as number;
      out[at] = (value + ((below[i] as number) - value) * part) * (scale[i] as number) + (shift[i] as number);
    }
  }
}

function resampleRow(plan: Resampling, pixels: Uint8Array, offset: number, row: Float32Array): void {
  const { left, right, across } = plan;
  for (let i = 0; i < row.length; i++) {
    const value = pixels[offset + (left[i] as number)] as number;
    row[i] = value + ((pixels[offset + (right[i] as number)] as number) - value) * (across[i] as number);
  }
}

/** Writes colour frames of one clip: `[height, width, 3]` each, at the positions of a batch. */
export class ColourWriter {
  readonly #plan: Resampling;

  constructor(size: { width: number; height: number }, frameSize: number, transform: PixelTransform) {
    const { channels, scale, shift } = transform;
    this.#plan = planResampling(
      size,
      {
        frameSize,
        sourceChannels: 3,
        channels: channels.map((from, i) => ({ from, scale: scale[i] as number, shift: shift[i] as number })),
      },
      transform,
    );
  }

  write(pixels: Uint8Array, offset: number, out: Float32Array, position: number): void {
    resample(this.#plan, pixels, offset, out, position * this.#plan.rowLength * this.#plan.upper.length);
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
  const { lumaScale: scale, lumaShift: shift } = transform;
  const layout = { frameSize: luma.size, sourceChannels: 1, channels: [{ from: 0, scale, shift }] };
  const plan = planResampling({ width: size, height: size }, layout, transform);
  const frames = new Float32Array(steps * size * size);
  for (let step = 0; step < steps; step++) {
    const source = (step - turn + luma.steps) % luma.steps;
    const from = luma.offset + source * luma.size * luma.size;
    resample(plan, luma.data, from, frames, step * size * size);
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

/**
 * Where each output pixel's centre lies in the source: two neighbours and the part of the second. A bent axis runs
 * through its stretch now faster, now slower, as u + amount * sin(2 pi (u + phase)) / (2 pi): bodies grow and necks
 * shrink, and no pixel changes places.
 */
function samplePoints(
  count: number,
  { offset, length, bend }: { offset: number; length: number; bend: Bend },
  limit: number,
) {
  const low = new Int32Array(count);
  const high = new Int32Array(count);
  const fraction = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const even = (i + 0.5) / count;
    const turn = 2 * Math.PI;
    const bent = (bend.amount / turn) * (Math.sin(turn * (even + bend.phase)) - Math.sin(turn * bend.phase));
    const at = (offset + (even + bent) * length) * limit - 0.5;
    const position = Math.min(limit - 1, Math.max(0, at));
    low[i] = Math.floor(position);
    high[i] = Math.min(limit - 1, (low[i] as number) + 1);
    fraction[i] = position - (low[i] as number);
  }
  return { low, high, fraction };
}
