import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '#model/checkpoint/safetensors';

const arrays = [
  { name: 'a/kernel', shape: [2, 3], data: Float32Array.of(1, -2, 3.5, Number.MIN_VALUE, 5, 6) },
  { name: 'scale', shape: [], data: Float32Array.of(2.65926) },
  { name: 'b', shape: [1], data: Float32Array.of(-0) },
];

describe('safetensors', () => {
  it('comes back exact to the bit, at any alignment', () => {
    const bytes = encodeSafetensors(arrays, { model: 'x' });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodeSafetensors(bytes, 'x')).toEqual(arrays);
    expect(decodeSafetensors(shifted.subarray(3), 'x')).toEqual(arrays);
    expect(decodeSafetensors(Buffer.from(bytes), 'x')).toEqual(arrays);
  });

  it('lays the file out as the format says', () => {
    const bytes = encodeSafetensors(arrays);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(header['a/kernel']).toEqual({ dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] });
    expect(bytes.length).toBe(8 + length + 32);
  });

  it.each([
    ['nothing', (_: Uint8Array) => new Uint8Array(0)],
    ['a header longer than the file', (b: Uint8Array) => b.slice(0, 20)],
    ['a cut tail', (b: Uint8Array) => b.slice(0, -4)],
    ['a header that is no JSON', (b: Uint8Array) => b.map((value, i) => (i === 8 ? 0x41 : value))],
  ])('refuses %s', (_, damage) => {
    expect(() => decodeSafetensors(damage(encodeSafetensors(arrays)), 'f.safetensors')).toThrow(
      expect.objectContaining({ code: 'checkpoint_invalid', subject: 'f.safetensors' }),
    );
  });
});
