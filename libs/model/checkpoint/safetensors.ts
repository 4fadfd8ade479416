/**
 * Reading and writing arrays in the safetensors format (float32 only): an 8-byte header length, a JSON header,
 * the raw little-endian data.
 *
 * @see https://huggingface.co/docs/safetensors
 */
import { EarshotError } from '#core/errors';
import type { NamedArray } from '../layers/parameters.ts';

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Arrays in the order given; the same arrays give the same bytes. */
export function encodeSafetensors(
  arrays: readonly NamedArray[],
  metadata: Record<string, string> = {},
): Uint8Array {
  const header: Record<string, HeaderEntry | Record<string, string>> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const { name, shape, data } of arrays) {
    const end = offset + data.byteLength;
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // The data begins at a multiple of 8, as the format asks, so that it can be mapped without copying.
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(json, 8);
  let position = 8 + headerLength;
  for (const { data } of arrays) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return bytes;
}

interface Header {
  metadata: Record<string, string>;
  entries: [string, HeaderEntry][];
  /** Where the data begins. */
  start: number;
}

function invalid(subject: string, why: string, cause?: unknown): EarshotError {
  return new EarshotError('checkpoint_invalid', `${subject} is not a usable safetensors file: ${why}.`, {
    subject,
    cause,
  });
}

function readHeader(bytes: Uint8Array, subject: string): Header {
  if (bytes.length < 8) throw invalid(subject, 'it is shorter than its own header');
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  const start = 8 + headerLength;
  if (!Number.isSafeInteger(headerLength) || start > bytes.length)
    throw invalid(subject, 'its header is cut off');
  try {
    const { __metadata__: metadata = {}, ...entries } = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, start)),
    );
    return { metadata, entries: Object.entries(entries), start };
  } catch (error) {
    throw invalid(subject, 'its header is not JSON', error);
  }
}

/**
 * What was written beside the arrays.
 *
 * @param subject the file's name, for the error
 * @throws EarshotError `checkpoint_invalid` when the header cannot be read
 */
export function safetensorsMetadata(bytes: Uint8Array, subject: string): Record<string, string> {
  return readHeader(bytes, subject).metadata;
}

/**
 * @param subject the file's name, for the error
 * @throws EarshotError `checkpoint_invalid` for anything but a whole float32 safetensors file
 */
export function decodeSafetensors(bytes: Uint8Array, subject: string): NamedArray[] {
  const { entries, start } = readHeader(bytes, subject);
  return entries.map(([name, entry]) => {
    const [from, to] = entry.data_offsets ?? [];
    const size = Array.isArray(entry.shape) ? entry.shape.reduce((product, n) => product * n, 1) : Number.NaN;
    if (entry.dtype !== 'F32') throw invalid(subject, `array ${name} is ${entry.dtype}, not F32`);
    if (!(from >= 0 && to - from === size * 4)) throw invalid(subject, `array ${name} has wrong offsets`);
    if (start + to > bytes.length) throw invalid(subject, `array ${name} is cut off`);
    // A copy, because the file's data need not be aligned to 4 bytes (and a Buffer's own slice is no copy).
    const data = new Float32Array(Uint8Array.from(bytes.subarray(start + from, start + to)).buffer);
    return { name, shape: entry.shape, data };
  });
}
