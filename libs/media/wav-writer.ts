/**
 * WAV files of any length and number of channels, written as the samples come: 24 bit, or 32 bit float where a sample
 * lies beyond full scale, so that nothing is ever clipped.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { EarshotError } from '#core/errors';

const HEADER_BYTES = 68;
const EXTENSIBLE = 0xfffe;
const PCM = 1;
const IEEE_FLOAT = 3;
/** After the format's code, the same in every GUID of an extensible format. */
const GUID_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
/** Sizes in a WAV file have 32 bits. */
const MAX_DATA_BYTES = 2 ** 32 - 1 - HEADER_BYTES;
const FULL_SCALE = 2 ** 23;
const PIECE_SAMPLES = 64 * 1024;

export interface WavFormat {
  sampleRateHz: number;
  channels: number;
}

/** One file on its way; whoever opens it calls `finish` or `discard`. */
export class WavWriter {
  readonly #file: string;
  readonly #format: WavFormat;
  readonly #part: FileHandle;
  #values = 0;
  #isBeyondFullScale = false;

  private constructor(file: string, format: WavFormat, part: FileHandle) {
    this.#file = file;
    this.#format = format;
    this.#part = part;
  }

  static async create(file: string, format: WavFormat): Promise<WavWriter> {
    return new WavWriter(file, format, await open(`${file}.part`, 'w+'));
  }

  /**
   * @param channels one array a channel, all of one length
   * @throws EarshotError `media_too_large` for more than a WAV file holds
   */
  async write(channels: readonly Float32Array[]): Promise<void> {
    const count = channels[0]?.length ?? 0;
    const [only] = channels;
    const values = channels.length === 1 && only ? only : woven(channels, count);
    this.#isBeyondFullScale ||= isBeyondFullScale(values);
    if ((this.#values + values.length) * 4 > MAX_DATA_BYTES) {
      const message = `${this.#file} would be larger than a WAV file can be (4 GB): ask for a part of the sound.`;
      throw new EarshotError('media_too_large', message, { subject: this.#file });
    }
    // Room for the header is left in front.
    await this.#part.write(bytesOf(values), 0, values.byteLength, HEADER_BYTES + this.#values * 4);
    this.#values += values.length;
  }

  /** Puts the file in its place. */
  async finish(): Promise<void> {
    try {
      if (this.#isBeyondFullScale) await this.#part.write(this.#header('32f'), 0, HEADER_BYTES, 0);
      else await this.#toIntegers();
    } finally {
      await this.#part.close();
    }
    await rename(`${this.#file}.part`, this.#file);
  }

  /** Leaves nothing behind. */
  async discard(): Promise<void> {
    await this.#part.close().catch(() => undefined);
    await rm(`${this.#file}.part`, { force: true });
  }

  /** In place, from the beginning: three bytes never reach what has not been read yet. */
  async #toIntegers(): Promise<void> {
    const values = new Float32Array(PIECE_SAMPLES);
    const integers = Buffer.alloc(3 * PIECE_SAMPLES);
    for (let at = 0; at < this.#values; at += PIECE_SAMPLES) {
      const count = Math.min(PIECE_SAMPLES, this.#values - at);
      await this.#part.read(bytesOf(values), 0, 4 * count, HEADER_BYTES + 4 * at);
      toIntegers(values, count, integers);
      await this.#part.write(integers, 0, 3 * count, HEADER_BYTES + 3 * at);
    }
    const dataBytes = 3 * this.#values;
    // A chunk of odd length is followed by one byte that its size does not count.
    await this.#part.truncate(HEADER_BYTES + dataBytes + (dataBytes % 2));
    await this.#part.write(this.#header(24), 0, HEADER_BYTES, 0);
  }

  #header(bits: 24 | '32f'): Buffer {
    const { sampleRateHz, channels } = this.#format;
    const sampleBytes = bits === '32f' ? 4 : 3;
    const dataBytes = sampleBytes * this.#values;
    const header = Buffer.alloc(HEADER_BYTES);
    header.write('RIFF', 0, 'latin1');
    header.writeUInt32LE(HEADER_BYTES - 8 + dataBytes + (dataBytes % 2), 4);
    header.write('WAVEfmt ', 8, 'latin1');
    header.writeUInt32LE(40, 16);
    header.writeUInt16LE(EXTENSIBLE, 20);
    header.writeUInt16LE(channels, 22);
    header.writeUInt32LE(sampleRateHz, 24);
    header.writeUInt32LE(sampleRateHz * channels * sampleBytes, 28);
    header.writeUInt16LE(channels * sampleBytes, 32);
    header.writeUInt16LE(8 * sampleBytes, 34);
    header.writeUInt16LE(22, 36);
    header.writeUInt16LE(8 * sampleBytes, 38);
    header.writeUInt32LE(channelMask(channels), 40);
    header.writeUInt16LE(bits === '32f' ? IEEE_FLOAT : PCM, 44);
    Buffer.from(GUID_TAIL).copy(header, 46);
    header.write('data', 60, 'latin1');
    header.writeUInt32LE(dataBytes, 64);
    return header;
  }
}

/** Speakers of the usual layouts: mono, stereo, 5.1, 7.1; others name none. */
function channelMask(channels: number): number {
  return { 1: 0x4, 2: 0x3, 6: 0x3f, 8: 0x63f }[channels] ?? 0;
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Samples of one instant side by side. */
function woven(channels: readonly Float32Array[], count: number): Float32Array {
  const values = new Float32Array(count * channels.length);
  channels.forEach((samples, c) => {
    for (let i = 0, at = c; i < count; i++, at += channels.length) values[at] = samples[i] as number;
  });
  return values;
}

function isBeyondFullScale(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value > 1 - 1 / FULL_SCALE || value < -1) return true;
  }
  return false;
}

/** Samples within full scale as 24 bits, the lowest first. */
function toIntegers(values: Float32Array, count: number, integers: Uint8Array): void {
  for (let i = 0; i < count; i++) {
    // Half up, as `Math.round`, which takes longer.
    const value = Math.floor((values[i] as number) * FULL_SCALE + 0.5) | 0;
    integers[3 * i] = value;
    integers[3 * i + 1] = value >> 8;
    integers[3 * i + 2] = value >> 16;
  }
}
