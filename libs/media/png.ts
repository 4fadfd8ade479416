/** Pictures as PNG files, in plain code: grey of 16 bits, and RGB of 8. */
import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';
import { EarshotError } from '#core/errors';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const GREY = 0;
const RGB = 2;
/** Every line says how much it moves on from its neighbours; `up` suits maps and costs little. */
const FILTER_UP = 2;
/** Larger files, much sooner: they are looked at once. */
const COMPRESSION_LEVEL = 3;

const deflated = promisify(deflate) as (data: Uint8Array, options: { level: number }) => Promise<Uint8Array>;

/**
 * @param values `[height * width]`, 0..1; 65535 stands for 1
 * @returns the bytes of a PNG of 16 bits
 * @throws EarshotError `shape_mismatch`
 */
export function encodeGreyPng(values: Float32Array, width: number, height: number): Promise<Uint8Array> {
  checkShape(values.length, width * height);
  const bytes = new Uint8Array(values.length * 2);
  values.forEach((value, i) => {
    const level = Math.round(Math.min(1, Math.max(0, value)) * 65_535);
    bytes[2 * i] = level >> 8;
    bytes[2 * i + 1] = level & 255;
  });
  return encode(bytes, { width, height, depth: 16, colour: GREY, pixelBytes: 2 });
}

/**
 * @param rgb `[height * width * 3]`
 * @throws EarshotError `shape_mismatch`
 */
export function encodeRgbPng(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  checkShape(rgb.length, width * height * 3);
  return encode(rgb, { width, height, depth: 8, colour: RGB, pixelBytes: 3 });
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
  pixelBytes: number;
}

async function encode(bytes: Uint8Array, layout: Layout): Promise<Uint8Array> {
  const { width, height, depth, colour, pixelBytes } = layout;
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, depth);
  header.setUint8(9, colour);
  const lines = filtered(bytes, width * pixelBytes, height);
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
    for (let i = 0; i < lineBytes; i++) {
      const above = y === 0 ? 0 : (bytes[from - lineBytes + i] as number);
      out[target + 1 + i] = (bytes[from + i] as number) - above;
    }
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
