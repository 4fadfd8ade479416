/** Byte streams from ffmpeg cut into blocks of whole frames or samples, in constant memory. */
import type { Readable } from 'node:stream';

/** Copies arriving bytes into fresh blocks; each block belongs to whoever receives it. */
export class BlockCutter {
  readonly #unitBytes: number;
  readonly #blockBytes: number;
  #block: Uint8Array<ArrayBuffer> | null = null;
  #filledBytes = 0;

  constructor(unitBytes: number, targetBlockBytes: number) {
    this.#unitBytes = unitBytes;
    this.#blockBytes = unitBytes * Math.max(1, Math.floor(targetBlockBytes / unitBytes));
  }

  *add(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
    let taken = 0;
    while (taken < bytes.length) {
      this.#block ??= new Uint8Array(this.#blockBytes);
      const part = bytes.subarray(taken, taken + this.#blockBytes - this.#filledBytes);
      this.#block.set(part, this.#filledBytes);
      this.#filledBytes += part.length;
      taken += part.length;
      if (this.#filledBytes === this.#blockBytes) yield this.#take(this.#blockBytes);
    }
  }

  /** What is left, without a torn unit at its end. */
  *rest(): Generator<Uint8Array<ArrayBuffer>> {
    const wholeBytes = this.#filledBytes - (this.#filledBytes % this.#unitBytes);
    if (this.#block !== null && wholeBytes > 0) yield this.#take(wholeBytes);
  }

  #take(byteCount: number): Uint8Array<ArrayBuffer> {
    const block = (this.#block as Uint8Array<ArrayBuffer>).subarray(0, byteCount);
    this.#block = null;
    this.#filledBytes = 0;
    return block;
  }
}

export interface Source<Kind> {
  kind: Kind;
  stream: Readable;
}

/**
 * What arrives on any of the pipes, in the order of arrival. Every pipe is read as long as the consumer asks for
 * more, so that ffmpeg, which writes them all from one thread, can never wait for a pipe nobody empties; when
 * the consumer rests, the pipes fill up and ffmpeg rests too.
 */
export async function* interleave<Kind>(
  sources: readonly Source<Kind>[],
): AsyncGenerator<{ kind: Kind; bytes: Buffer }> {
  let wake = () => {};
  let isAwake = false;
  const ring = () => {
    isAwake = true;
    wake();
  };
  for (const { stream } of sources) {
    for (const event of ['readable', 'end', 'close', 'error']) stream.on(event, ring);
  }
  for (;;) {
    isAwake = false;
    let isIdle = true;
    for (const { kind, stream } of sources) {
      const bytes = stream.read() as Buffer | null;
      if (bytes === null) continue;
      isIdle = false;
      yield { kind, bytes };
    }
    if (!isIdle) continue;
    if (sources.every(({ stream }) => stream.readableEnded || stream.destroyed)) return;
    if (!isAwake) await new Promise<void>((resolve) => (wake = resolve));
  }
}
