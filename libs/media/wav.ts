/** WAV files in plain code: what the product writes stems and test sounds with. */
import { readFile, writeFile } from 'node:fs/promises';
import { EarshotError } from '#core/errors';

const HEADER_BYTES = 44;
const PCM = 1;
const IEEE_FLOAT = 3;
const EXTENSIBLE = 0xfffe;

export type WavBits = 16 | 24 | '32f';

export interface WavContent {
  /** Mono: the mean of the file's channels, in [-1, 1]. */
  samples: Float32Array<ArrayBuffer>;
  sampleRateHz: number;
}

/**
 * A mono WAV file as bytes. Integer formats clip at full scale.
 * @param bits 16 or 24 bit PCM, or 32 bit float
 */
function encodeWav(samples: Float32Array, sampleRateHz: number, bits: WavBits = 16): Uint8Array<ArrayBuffer> {
  const sampleBytes = bits === '32f' ? 4 : bits / 8;
  const dataBytes = samples.length * sampleBytes;
  // A chunk of odd length is followed by one byte that its size does not count.
  const bytes = new Uint8Array(HEADER_BYTES + dataBytes + (dataBytes % 2));
  const view = new DataView(bytes.buffer);
  const tag = (at: number, text: string) => bytes.set(Buffer.from(text, 'latin1'), at);
  tag(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  tag(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, bits === '32f' ? IEEE_FLOAT : PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, sampleRateHz * sampleBytes, true);
  view.setUint16(32, sampleBytes, true);
  view.setUint16(34, sampleBytes * 8, true);
  tag(36, 'data');
  view.setUint32(40, dataBytes, true);
  for (let i = 0; i < samples.length; i++) {
    const at = HEADER_BYTES + i * sampleBytes;
    const value = samples[i] as number;
    if (bits === '32f') view.setFloat32(at, value, true);
    else if (bits === 16) view.setInt16(at, toInteger(value, 2 ** 15), true);
    else {
      const integer = toInteger(value, 2 ** 23);
      view.setUint16(at, integer & 0xffff, true);
      view.setInt8(at + 2, integer >> 16);
    }
  }
  return bytes;
}

export async function writeWav(
  file: string,
  samples: Float32Array,
  sampleRateHz: number,
  bits: WavBits = 16,
): Promise<void> {
  await writeFile(file, encodeWav(samples, sampleRateHz, bits));
}

/**
 * Reads PCM (8, 16, 24, 32 bit) and float (32, 64 bit) WAV files.
 * @throws EarshotError `media_unrecognised`, `media_truncated`; the file system's own errors
 */
export async function readWav(file: string): Promise<WavContent> {
  const bytes = await readFile(file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') {
    throw new EarshotError('media_unrecognised', `${file} is no WAV file; convert it to WAV.`, {
      subject: file,
    });
  }
  let format: WavFormat | null = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = bytes.toString('latin1', at, at + 4);
    const start = at + 8;
    const end = Math.min(bytes.length, start + view.getUint32(at + 4, true));
    if (name === 'fmt ' && end - start >= 16) format = readFormat(view, start, end);
    if (name === 'data' && format !== null) {
      return { samples: readSamples(file, view, start, end, format), sampleRateHz: format.sampleRateHz };
    }
    at = end + ((end - start) % 2);
  }
  throw new EarshotError('media_truncated', `The WAV file ${file} has no samples; export it again.`, {
    subject: file,
  });
}

interface WavFormat {
  code: number;
  channels: number;
  sampleRateHz: number;
  bits: number;
}

function readFormat(view: DataView, start: number, end: number): WavFormat {
  const code = view.getUint16(start, true);
  return {
    // An extensible format keeps its real code in the first bytes of a GUID.
    code: code === EXTENSIBLE && end - start >= 26 ? view.getUint16(start + 24, true) : code,
    channels: view.getUint16(start + 2, true),
    sampleRateHz: view.getUint32(start + 4, true),
    bits: view.getUint16(start + 14, true),
  };
}

function readSamples(
  file: string,
  view: DataView,
  start: number,
  end: number,
  format: WavFormat,
): Float32Array<ArrayBuffer> {
  const read = SAMPLE_READERS[`${format.code}/${format.bits}`];
  if (read === undefined || format.channels === 0) {
    throw new EarshotError(
      'media_unrecognised',
      `${file} is a WAV file of an unusual format (code ${format.code}, ${format.bits} bit); convert it to 16 bit PCM.`,
      { subject: file },
    );
  }
  const sampleBytes = format.bits / 8;
  const samples = new Float32Array(Math.floor((end - start) / (sampleBytes * format.channels)));
  for (let i = 0; i < samples.length; i++) {
    let sum = 0;
    for (let channel = 0; channel < format.channels; channel++) {
      sum += read(view, start + (i * format.channels + channel) * sampleBytes);
    }
    samples[i] = sum / format.channels;
  }
  return samples;
}

const SAMPLE_READERS: Record<string, (view: DataView, at: number) => number> = {
  [`${PCM}/8`]: (view, at) => (view.getUint8(at) - 128) / 2 ** 7,
  [`${PCM}/16`]: (view, at) => view.getInt16(at, true) / 2 ** 15,
  [`${PCM}/24`]: (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23,
  [`${PCM}/32`]: (view, at) => view.getInt32(at, true) / 2 ** 31,
  [`${IEEE_FLOAT}/32`]: (view, at) => view.getFloat32(at, true),
  [`${IEEE_FLOAT}/64`]: (view, at) => view.getFloat64(at, true),
};

function toInteger(value: number, fullScale: number): number {
  return Math.max(-fullScale, Math.min(fullScale - 1, Math.round(value * fullScale)));
}
