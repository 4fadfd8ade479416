/** From a segment's frames to what the user's video graph takes: single frames, or a block of them. */
import { EarshotError } from '#core/errors';
import type { OnnxManifest } from '../checkpoint/manifest.ts';
import type { FrameBlock } from '../embedding-model.ts';
import type { GraphInput, InputItems } from './graph-tower.ts';

type VideoSpec = OnnxManifest['frontEnds']['video'];

export class VideoFrontEnd {
  readonly input: GraphInput;
  readonly #spec: VideoSpec;
  /** What each byte of a channel becomes: 256 possible values, so that a table is faster than arithmetic. */
  readonly #values: readonly ArrayLike<number>[];

  constructor(spec: VideoSpec) {
    this.#spec = spec;
    this.input = { field: 'frontEnds.video', type: spec.type, itemShapes: [itemShape(spec)] };
    this.#values = [0, 1, 2].map((channel) => {
      if (spec.type === 'uint8') return Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const mean = spec.normalization?.mean[channel] ?? 0;
      const deviation = spec.normalization?.deviation[channel] ?? 1;
      return Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean) / deviation);
    });
  }

  /**
   * One item a frame, or one for the block: there, a segment with another number of frames than the graph takes gives
   * the nearest ones of as many evenly spaced instants.
   *
   * @throws EarshotError `shape_mismatch` for frames of another size
   */
  items({ data, count }: FrameBlock): InputItems {
    const { width, height, frames, type } = this.#spec;
    const size = width * height * 3;
    if (count < 1 || data.length !== count * size) {
      throw new EarshotError(
        'shape_mismatch',
        `Frames of ${width}x${height} RGB are needed, at least one a segment.`,
      );
    }
    const taken = frames.kind === 'each' ? count : frames.count;
    const out = type === 'uint8' ? new Uint8Array(taken * size) : new Float32Array(taken * size);
    for (let i = 0; i < taken; i++) {
      const frame = Math.floor(((i + 0.5) * count) / taken);
      this.#write(data.subarray(frame * size, (frame + 1) * size), out, i, taken);
    }
    return { data: out, count: frames.kind === 'each' ? count : 1 };
  }

  /** Frame number `index` of `taken`, where the layout has it. */
  #write(rgb: Uint8Array, out: Uint8Array | Float32Array, index: number, taken: number): void {
    const { width, height, layout } = this.#spec;
    const area = width * height;
    const [start, channelStep, pixelStep] = {
      nhwc: [index * area * 3, 1, 3],
      nchw: [index * area * 3, area, 1],
      ncthw: [index * area, taken * area, 1],
    }[layout] as [number, number, number];
    for (let channel = 0; channel < 3; channel++) {
      const values = this.#values[channel] as ArrayLike<number>;
      const from = start + channel * channelStep;
      for (let pixel = 0; pixel < area; pixel++)
        out[from + pixel * pixelStep] = values[rgb[3 * pixel + channel] as number] as number;
    }
  }
}

function itemShape({ width, height, layout, frames }: VideoSpec): number[] {
  const frame = layout === 'nhwc' ? [height, width, 3] : [3, height, width];
  if (frames.kind === 'each') return frame;
  return layout === 'ncthw' ? [3, frames.count, height, width] : [frames.count, ...frame];
}
