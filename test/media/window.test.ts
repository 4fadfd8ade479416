/** A window answers exactly the slice of the full decode, padded where the streams do not reach. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type DecodeSummary,
  decodeFrames,
  decodeSamples,
  decodeStreams,
  type MediaChunk,
} from '#media/decode';
import { type MediaInfo, probe } from '#media/probe';
import { ffmpeg, temporaryFolder } from './make-media.ts';

const folder = temporaryFolder();
const DURATION_SEC = 6;
const SIZE = { width: 32, height: 24 };
const NOISE = [
  '-f',
  'lavfi',
  '-i',
  `anoisesrc=r=44100:d=${DURATION_SEC}:seed=7:a=0.3,lowpass=500,lowpass=500,volume=6`,
];
const PICTURE = ['-f', 'lavfi', '-i', `testsrc=size=64x48:rate=25:duration=${DURATION_SEC}`];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '40', '-pix_fmt', 'yuv420p'];

/** Samples by which `part` lags behind `whole` at `start` when they agree best, and how well they agree there. */
function bestLag(
  whole: Float32Array,
  part: Float32Array,
  start: number,
  maxLag: number,
): { lag: number; r: number } {
  let best = { lag: 0, r: -1 };
  for (let lag = -maxLag; lag <= maxLag; lag++) {
    let [ab, aa, bb] = [0, 1e-12, 1e-12];
    for (let i = maxLag; i < part.length - maxLag; i++) {
      const a = whole[start + i + lag] ?? 0;
      const b = part[i] as number;
      ab += a * b;
      aa += a * a;
      bb += b * b;
    }
    const r = ab / Math.sqrt(aa * bb);
    if (r > best.r) best = { lag, r };
  }
  return best;
}

describe.each([
  ['PCM in mov', 'pcm.mov', [...H264, '-c:a', 'pcm_s16le'], 1],
  ['AAC in mp4', 'aac.mp4', [...H264, '-c:a', 'aac'], 16],
  ['AAC in ts', 'aac.ts', [...H264, '-c:a', 'aac'], 16],
  [
    'Opus in webm',
    'opus.webm',
    ['-c:v', 'libvpx', '-deadline', 'realtime', '-g', '40', '-c:a', 'libopus'],
    16,
  ],
  ['MP2 in mpg', 'mp2.mpg', ['-c:v', 'mpeg2video', '-bf', '2', '-c:a', 'mp2'], 16],
  ['MP3 alone', 'alone.mp3', ['-vn', '-c:a', 'libmp3lame', '-q:a', '4'], 16],
  ['WAV alone', 'alone.wav', ['-vn'], 1],
  ['FLAC alone', 'alone.flac', ['-vn'], 1],
  ['Vorbis in ogg', 'alone.ogg', ['-vn', '-c:a', 'libvorbis'], 16],
] as const)('%s', (_, name, codecs, maxLag) => {
  const file = join(folder, name);
  let info: MediaInfo;
  beforeAll(async () => {
    ffmpeg(...PICTURE, ...NOISE, ...codecs, file);
    info = await probe(file);
  });

  it('a seek agrees with the full decode', async () => {
    const whole = await decodeSamples(file, { sampleRateHz: 16000, info });
    const wholeFrames = info.video && (await decodeFrames(file, { rateHz: 10, ...SIZE, info }));
    const tenths = fc.tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: 3, max: 12 }));
    await fc.assert(
      fc.asyncProperty(tenths, async ([from, length]) => {
        const window = { startSec: from / 10, endSec: Math.min(from + length, 58) / 10, info };
        const part = await decodeSamples(file, { sampleRateHz: 16000, ...window });
        expect(part.data.length).toBe(Math.round((window.endSec - window.startSec) * 16000));
        const { lag, r } = bestLag(whole.data, part.data, from * 1600, 16);
        expect(Math.abs(lag)).toBeLessThanOrEqual(maxLag);
        expect(r).toBeGreaterThan(0.99);
        if (wholeFrames === null) return;
        const frames = await decodeFrames(file, { rateHz: 10, ...SIZE, ...window });
        const frameBytes = SIZE.width * SIZE.height * 3;
        const slice = wholeFrames.data.subarray(from * frameBytes, from * frameBytes + frames.data.length);
        const worst = frames.data.reduce(
          (most, value, i) => Math.max(most, Math.abs(value - (slice[i] as number))),
          0,
        );
        expect(worst).toBeLessThanOrEqual(2);
      }),
      { numRuns: 6, seed: 11 },
    );
  });
});

it("windows at the file's own rate are aligned to the sample", async () => {
  const file = join(folder, 'exact.wav');
  ffmpeg(...NOISE, '-ar', '16000', file);
  const whole = await decodeSamples(file, { sampleRateHz: 16000 });
  const part = await decodeSamples(file, { sampleRateHz: 16000, startSec: 3.21, endSec: 3.5 });
  expect(part.data).toEqual(whole.data.slice(3.21 * 16000, 3.5 * 16000));
});

describe('beyond the ends', () => {
  const file = join(folder, 'short-picture.mp4');
  beforeAll(() => {
    ffmpeg(
      '-f',
      'lavfi',
      '-i',
      'testsrc=size=64x48:rate=25:duration=1',
      ...NOISE,
      ...H264,
      '-c:a',
      'aac',
      file,
    );
  });

  it('the last frame is held behind the end of the picture', async () => {
    const end = await decodeFrames(file, { rateHz: 25, ...SIZE, startSec: 0.96, endSec: 1 });
    const held = await decodeFrames(file, { rateHz: 5, ...SIZE, startSec: 4, endSec: 5 });
    expect(held.count).toBe(5);
    for (let i = 0; i < 5; i++) {
      expect(held.data.subarray(i * end.data.length, (i + 1) * end.data.length)).toEqual(end.data);
    }
  });

  it('silence follows the end of the sound', async () => {
    const tail = await decodeSamples(file, { sampleRateHz: 8000, startSec: 5, endSec: 8 });
    expect(tail.data.length).toBe(24000);
    expect(tail.data.subarray(0, 7000).some((value) => Math.abs(value) > 0.01)).toBe(true);
    expect(tail.data.subarray(9000).every((value) => value === 0)).toBe(true);
    const after = await decodeSamples(file, { sampleRateHz: 8000, startSec: 20, endSec: 21 });
    expect(after.data).toEqual(new Float32Array(8000));
  });

  it.each([
    { startSec: -1 },
    { startSec: 3, endSec: 2 },
    { startSec: Number.NaN },
    { endSec: Number.POSITIVE_INFINITY },
  ])('the window %o is refused', async (window) => {
    const request = decodeSamples(file, { sampleRateHz: 8000, ...window });
    await expect(request).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

describe('one pass over both streams', () => {
  const file = join(folder, 'both.mp4');
  const request = { frames: { rateHz: 5, ...SIZE }, samples: { sampleRateHz: 16000 } };
  beforeAll(() => ffmpeg(...PICTURE, ...NOISE, ...H264, '-c:a', 'aac', file));

  async function drain(options: Parameters<typeof decodeStreams>[1]) {
    const chunks: MediaChunk[] = [];
    const stream = decodeStreams(file, options);
    for (;;) {
      const step = await stream.next();
      if (step.done) return { chunks, summary: step.value as DecodeSummary };
      chunks.push(step.value);
    }
  }

  it('answers what the single decodes answer, in order and without gaps', async () => {
    const { chunks, summary } = await drain(request);
    const frames = await decodeFrames(file, request.frames);
    const samples = await decodeSamples(file, request.samples);
    let [frameCount, sampleCount] = [0, 0];
    for (const chunk of chunks) {
      if (chunk.kind === 'frames') {
        expect(chunk.firstIndex).toBe(frameCount);
        frameCount += chunk.count;
      } else {
        expect(chunk.firstSample).toBe(sampleCount);
        expect(chunk.data).toEqual(samples.data.subarray(sampleCount, sampleCount + chunk.data.length));
        sampleCount += chunk.data.length;
      }
    }
    expect(Buffer.concat(chunks.flatMap((c) => (c.kind === 'frames' ? [c.data] : [])))).toEqual(
      Buffer.from(frames.data),
    );
    expect(summary).toEqual({ frames: frameCount, samples: sampleCount, isCutOff: false });
    expect(frameCount).toBe(30);
    expect(Math.abs(sampleCount - DURATION_SEC * 16000)).toBeLessThan(1600);
  });

  it('a file cut in the middle answers what is there', async () => {
    const whole = join(folder, 'whole.mkv');
    ffmpeg(...PICTURE, ...NOISE, ...H264, '-c:a', 'flac', whole);
    const { truncateSync, statSync } = await import('node:fs');
    truncateSync(whole, Math.round(statSync(whole).size / 2));
    const frames = await decodeFrames(whole, { rateHz: 10, ...SIZE });
    expect(frames.count).toBeGreaterThan(15);
    expect(frames.count).toBeLessThan(45);
    const asked = await decodeFrames(whole, { rateHz: 10, ...SIZE, startSec: 5, endSec: 6 });
    expect(asked.count).toBe(10);
    expect(asked.data.subarray(0, 100)).toEqual(
      frames.data.subarray(-SIZE.width * SIZE.height * 3).subarray(0, 100),
    );
  });
});

const CLIPS = resolve(import.meta.dirname, '../../../shared/data/clips');
describe.skipIf(!existsSync(CLIPS))(`every real clip (skipped where ${CLIPS} is missing)`, () => {
  const names = existsSync(CLIPS) ? readdirSync(CLIPS).filter((name) => /\.(mp4|wav|jpg)$/.test(name)) : [];
  it.each(names)('%s', async (name) => {
    const file = join(CLIPS, name);
    const info = await probe(file);
    if (info.video !== null) {
      const frames = await decodeFrames(file, { rateHz: 4, width: 24, height: 24, info });
      expect(frames.count).toBe(info.isStillImage ? 1 : Math.round(info.durationSec * 4));
      expect(new Set(frames.data).size).toBeGreaterThan(10);
    }
    if (info.audio !== null) {
      const samples = await decodeSamples(file, { sampleRateHz: 16000, info });
      expect(samples.data.length).toBe(Math.round(info.durationSec * 16000));
      expect(samples.data.every(Number.isFinite)).toBe(true);
    }
  });
});
