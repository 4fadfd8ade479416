/** A file's sound and its picture by one decoder: blocks of samples for the separator, frames for its windows. */
import { decodeStreams, type MediaChunk, type StreamsOptions } from '#media/decode';
import type { PixelBlock } from '#model/front-ends/video-batch';

export class MediaFeed {
  readonly #chunks: AsyncGenerator<MediaChunk, unknown>;
  readonly #channels: number;
  readonly #waiting: Float32Array[][] = [];
  #frames: { first: number; data: Uint8Array; count: number }[] = [];
  #isAtEnd = false;
  #memory = new Uint8Array(0);

  constructor(file: string, options: StreamsOptions, channels: number) {
    this.#chunks = decodeStreams(file, options);
    this.#channels = channels;
  }

  /** Blocks of samples, one array a channel. */
  async *samples(): AsyncGenerator<Float32Array[]> {
    while (true) {
      const block = this.#waiting.shift();
      if (block) yield block;
      else if (!(await this.#pull())) return;
    }
  }

  /**
   * `count` frames from number `first` on, the nearest one held where there are none. Frames before `first` may be
   * forgotten.
   *
   * @param parts that lie one below the other in each frame
   * @returns the frames of every part, in memory that the next call writes over
   */
  async frames(first: number, count: number, parts: number): Promise<PixelBlock[]> {
    while (this.#end() < first + count && (await this.#pull()));
    this.#frames = this.#frames.filter((block, i) => {
      const isLast = i === this.#frames.length - 1;
      return isLast || block.first + block.count > first;
    });
    const size = this.#frameSize();
    if (this.#memory.length !== count * size) this.#memory = new Uint8Array(count * size);
    const partSize = size / parts;
    const blocks = Array.from({ length: parts }, (_, part) => ({
      data: this.#memory.subarray(part * count * partSize, (part + 1) * count * partSize),
      count,
    }));
    for (let i = 0; i < count; i++) {
      const frame = this.#frame(first + i, size);
      blocks.forEach(({ data }, part) => {
        data.set(frame.subarray(part * partSize, (part + 1) * partSize), i * partSize);
      });
    }
    return blocks;
  }

  /** Ends the decoder. */
  async close(): Promise<void> {
    await this.#chunks.return(undefined);
  }

  #end(): number {
    const last = this.#frames.at(-1);
    return last ? last.first + last.count : 0;
  }

  #frameSize(): number {
    const block = this.#frames[0];
    return block ? block.data.length / block.count : 0;
  }

  #frame(index: number, size: number): Uint8Array {
    const blocks = this.#frames;
    const block =
      blocks.find(({ first, count }) => index < first + count) ?? (blocks.at(-1) as (typeof blocks)[number]);
    const at = Math.min(block.count - 1, Math.max(0, index - block.first));
    return block.data.subarray(at * size, (at + 1) * size);
  }

  /** Takes one chunk; false at the end. */
  async #pull(): Promise<boolean> {
    if (this.#isAtEnd) return false;
    const { value, done } = await this.#chunks.next();
    if (done) {
      this.#isAtEnd = true;
      return false;
    }
    if (value.kind === 'samples') this.#waiting.push(apart(value.data, this.#channels));
    else this.#frames.push({ first: value.firstIndex, data: value.data, count: value.count });
    return true;
  }
}

/** From samples side by side to one array a channel. */
function apart(values: Float32Array, channels: number): Float32Array[] {
  if (channels === 1) return [values];
  const count = values.length / channels;
  return Array.from({ length: channels }, (_, c) => {
    const channel = new Float32Array(count);
    for (let i = 0; i < count; i++) channel[i] = values[i * channels + c] as number;
    return channel;
  });
}
