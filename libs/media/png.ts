/** Pictures as PNG files, in plain code: grey of 16 bits, and RGB of 8. */
import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';
import { EarshotError } from '#core/errors';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const GREY = 0;
const RGB = 2;
/** Every line says how much it moves on from its neighbours; `up` suits maps and costs little. */
const FILTER_UP = 2;
const FILTER_NONE = 0;
/** Larger files, much sooner: they are looked at once. */
const COMPRESSION_LEVEL = 1;

const deflated = promisify(deflate) as (data: Uint8Array, options: { level: number }) => Promise<Uint8Array>;

/**
 * @param values `[height * width]`, 0..1; 65535 stands for 1
 * @returns the bytes of a PNG of 16 bits
 * @throws EarshotError `shape_mismatch`
 */
export function encodeGreyPng(values: Float32Array, width: number, height: number): Promise<Uint8Array> {
  checkShape(values.length, width * height);
  // Filtered as it is made: maps are many, and as large as frames.
  const lineBytes = 2 * width + 1;
  const lines = new Uint8Array(lineBytes * height);
  const above = new Uint16Array(width);
  for (let y = 0; y < height; y++) {
    let at = y * lineBytes;
    lines[at++] = FILTER_UP;
    for (let x = 0; x < width; x++) {
      const value = values[y * width + x] as number;
      const level = value >= 1 ? 65_535 : value > 0 ? Math.floor(value * 65_535 + 0.5) : 0;
      const before = above[x] as number;
      lines[at++] = (level >> 8) - (before >> 8);
      lines[at++] = level - before;
      above[x] = level;
    }
  }
  return encode(lines, { width, height, depth: 16, colour: GREY });
}

/**
 * @param rgb    `[height * width * 3]`
 * @param ground `smooth`, as photographs are, or `few-colours`, which repeat: lines as they are then become smaller files
 * @throws EarshotError `shape_mismatch`
 */
export function encodeRgbPng(
  rgb: Uint8Array,
  width: number,
  height: number,
  ground: 'smooth' | 'few-colours' = 'smooth',
): Promise<Uint8Array> {
  checkShape(rgb.length, width * height * 3);
  const lines = ground === 'smooth' ? filtered(rgb, width * 3, height) : unfiltered(rgb, width * 3, height);
  return encode(lines, { width, height, depth: 8, colour: RGB });
}

function checkShape(length: number, expected: number): void {
  if (length === expected) return;
  throw new EarshotError('shape_mismatch', `A picture of ${expected} values, but ${length} were given.`);
}

interface Layout {
  width: number;
  height: number;
  depth: number;
  colour: number;
}

/** @param lines filtered, each behind the number of its filter */
async function encode(lines: Uint8Array, layout: Layout): Promise<Uint8Array> {
  const { width, height, depth, colour } = layout;
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, depth);
  header.setUint8(9, colour);
  const parts = [
    SIGNATURE,
    chunk('IHDR', new Uint8Array(header.buffer)),
    chunk('IDAT', await deflated(lines, { level: COMPRESSION_LEVEL })),
    chunk('IEND', new Uint8Array(0)),
  ];
  return Buffer.concat(parts);
}

/** Each line as its difference from the line above, behind the number of that filter. */
function filtered(bytes: Uint8Array, lineBytes: number, height: number): Uint8Array {
  const out = new Uint8Array((lineBytes + 1) * height);
  for (let y = 0; y < height; y++) {
    const target = y * (lineBytes + 1);
    const from = y * lineBytes;
    out[target] = FILTER_UP;
    if (y === 0) out.set(bytes.subarray(0, lineBytes), 1);
    else
      for (let i = 0; i < lineBytes; i++)
        out[target + 1 + i] = (bytes[from + i] as number) - (bytes[from - lineBytes + i] as number);
  }
  return out;
}

/** Each line as it is. */
function unfiltered(bytes: Uint8Array, lineBytes: number, height: number): Uint8Array {
  const out = new Uint8Array((lineBytes + 1) * height);
  for (let y = 0; y < height; y++) {
    out[y * (lineBytes + 1)] = FILTER_NONE;
    out.set(bytes.subarray(y * lineBytes, (y + 1) * lineBytes), y * (lineBytes + 1) + 1);
  }
  return out;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 12);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(Buffer.from(type, 'latin1'), 4);
  out.set(data, 8);
  view.setUint32(data.length + 8, crc32(out.subarray(4, data.length + 8)));
  return out;
}
