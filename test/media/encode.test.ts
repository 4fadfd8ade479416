/** What is written is what is read again, byte for byte the same each time. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeFrames, decodeSamples } from '#media/decode';
import { encodeClip } from '#media/encode';
import { probe } from '#media/probe';
import { readWav, type WavBits, writeWav } from '#media/wav';
import { temporaryFolder } from './make-media.ts';

const folder = temporaryFolder();
const SIZE = { width: 64, height: 48, rateHz: 10 };
const RATE_HZ = 16000;
const tone = Float32Array.from(
  { length: RATE_HZ * 2 },
  (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * i) / RATE_HZ),
);

/** Twenty frames, each of one colour that tells its number. */
function* frames(channels = 3): Generator<Uint8Array> {
  for (let i = 0; i < 20; i++) {
    yield Uint8Array.from(
      { length: 64 * 48 * channels },
      (_, at) => [40 + i * 8, 100, 220 - i * 8, 255][at % channels] as number,
    );
  }
}

describe('clips', () => {
  it.each([
    ['rgb24', 3],
    ['rgba', 4],
  ] as const)('%s frames and samples come back at their times', async (pixelFormat, channels) => {
    const file = join(folder, `${pixelFormat}.mp4`);
    await encodeClip(
      { ...SIZE, frames: frames(channels), pixelFormat, samples: tone, sampleRateHz: RATE_HZ },
      file,
    );
    const info = await probe(file);
    expect(info).toMatchObject({ container: 'mp4', video: { codec: 'h264' }, audio: { codec: 'aac' } });
    const decoded = await decodeFrames(file, { rateHz: 10, width: 1, height: 1, startSec: 0, endSec: 2 });
    for (let i = 0; i < 20; i++) {
      expect(Math.abs((decoded.data[i * 3] as number) - (40 + i * 8))).toBeLessThan(10);
      expect(Math.abs((decoded.data[i * 3 + 2] as number) - (220 - i * 8))).toBeLessThan(10);
    }
    const heard = await decodeSamples(file, { sampleRateHz: RATE_HZ, startSec: 0, endSec: 2 });
    for (let i = 4000; i < 28000; i++)
      expect(Math.abs((heard.data[i] as number) - (tone[i] as number))).toBeLessThan(0.1);
  });

  it('the same clip gives the same bytes', async () => {
    const files = [join(folder, 'one.mp4'), join(folder, 'two.mp4')];
    for (const file of files)
      await encodeClip({ ...SIZE, frames: frames(), samples: tone, sampleRateHz: RATE_HZ }, file);
    const [one, two] = files.map((file) => readFileSync(file));
    expect(one?.equals(two as Buffer)).toBe(true);
  });

  it('a failure leaves nothing behind', async () => {
    const file = join(folder, 'failed.mp4');
    function* broken() {
      yield new Uint8Array(64 * 48 * 3);
      throw new Error('no more paint');
    }
    const clip = { ...SIZE, samples: tone, sampleRateHz: RATE_HZ };
    await expect(encodeClip({ ...clip, frames: broken() }, file)).rejects.toThrow('no more paint');
    await expect(encodeClip({ ...clip, frames: [new Uint8Array(5)] }, file)).rejects.toMatchObject({
      code: 'shape_mismatch',
    });
    await expect(encodeClip({ ...clip, width: 63, frames: [] }, file)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    expect([existsSync(file), existsSync(`${file}.part`)]).toEqual([false, false]);
  });
});

it.each([
  [16, 2 ** -15],
  [24, 2 ** -23],
  ['32f', 0],
] as [WavBits, number][])(
  'a WAV of %s bit comes back within one step, ffmpeg agreeing',
  async (bits, step) => {
    const file = join(folder, `${bits}.wav`);
    await writeWav(file, tone.subarray(0, 1001), RATE_HZ, bits);
    const wav = await readWav(file);
    const decoded = await decodeSamples(file, { sampleRateHz: RATE_HZ, startSec: 0, endSec: 1001 / RATE_HZ });
    expect(wav.sampleRateHz).toBe(RATE_HZ);
    expect(wav.samples.length).toBe(1001);
    wav.samples.forEach((value, i) => {
      expect(Math.abs(value - (tone[i] as number))).toBeLessThanOrEqual(step);
      expect(value).toBeCloseTo(decoded.data[i] as number, 6);
    });
  },
);
