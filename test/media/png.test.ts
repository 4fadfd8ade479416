import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { encodeGreyPng, encodeRgbPng } from '#media/png';

/** As another program reads it. */
function decoded(png: Uint8Array, pixelFormat: string): Buffer {
  const { status, stdout, stderr } = spawnSync(
    'ffmpeg',
    ['-v', 'error', '-i', 'pipe:0', '-f', 'rawvideo', '-pix_fmt', pixelFormat, 'pipe:1'],
    { input: png },
  );
  if (status !== 0) throw new Error(String(stderr));
  return stdout;
}

describe('PNG', () => {
  it('keeps 16 bits of grey: 65535 is 1, what lies outside 0..1 is cut', async () => {
    const png = await encodeGreyPng(Float32Array.of(0, 1, 0.5, 0.25, -3, 7), 3, 2);
    const bytes = decoded(png, 'gray16be');
    const levels = Array.from({ length: 6 }, (_, i) => bytes.readUInt16BE(2 * i));
    expect(levels).toEqual([0, 65_535, 32_768, 16_384, 0, 65_535]);
  });

  it('keeps every byte of RGB', async () => {
    const rgb = Uint8Array.from({ length: 7 * 5 * 3 }, (_, i) => (i * 37) % 256);
    expect([...decoded(await encodeRgbPng(rgb, 7, 5), 'rgb24')]).toEqual([...rgb]);
    expect([...decoded(await encodeRgbPng(rgb, 7, 5, 'few-colours'), 'rgb24')]).toEqual([...rgb]);
  });

  it('refuses values that are no such picture', () => {
    expect(() => encodeGreyPng(new Float32Array(5), 3, 2)).toThrowError(
      expect.objectContaining({ code: 'shape_mismatch' }),
    );
  });
});
