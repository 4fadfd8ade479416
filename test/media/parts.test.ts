/** Several parts of a picture in one pass are what each of them is alone. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeFrames } from '#media/decode';
import { ffmpeg, temporaryFolder } from './make-media.ts';

const folder = temporaryFolder();

it('stacks a region and the whole picture, each at its share of the height', async () => {
  const file = join(folder, 'parts.mp4');
  const picture = ['-f', 'lavfi', '-i', 'testsrc=size=64x48:rate=10:duration=0.5'];
  ffmpeg(...picture, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', file);
  const region = { x: 0.25, y: 0.5, width: 0.5, height: 0.5 };
  const size = { rateHz: 10, width: 16, endSec: 0.5 };
  const both = await decodeFrames(file, { ...size, height: 24, parts: [region, null] });
  const own = await decodeFrames(file, { ...size, height: 12, region });
  const whole = await decodeFrames(file, { ...size, height: 12 });
  expect(both.count).toBe(5);
  const bytes = 16 * 12 * 3;
  for (let frame = 0; frame < both.count; frame++) {
    const at = 2 * frame * bytes;
    const part = (data: Uint8Array) => data.subarray(frame * bytes, (frame + 1) * bytes);
    expect(both.data.subarray(at, at + bytes)).toEqual(part(own.data));
    expect(both.data.subarray(at + bytes, at + 2 * bytes)).toEqual(part(whole.data));
  }
  expect(own.data).not.toEqual(whole.data);
});
