/** Separation of files: what comes out of mixtures of every kind, and what is refused. */
import { access, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { separate } from '#catalog/analysis/separation';
import type { Separation, SeparationRequest } from '#catalog/catalog-service';
import { SeparationPool } from '#catalog/separation/separation-pool';
import { measureLoudness } from '#media/loudness';
import { probe } from '#media/probe';
import type { Database } from '#store/database';
import type { ObjectStore } from '#store/objects/object-store';
import { ffmpeg } from '../support/make-clips.ts';
import { removeFolder, temporaryFolder } from '../support/test-catalog.ts';

const SLOW_MS = 180_000;
const nothing = {} as unknown;

let folder: string;
let pool: SeparationPool;
let count = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
  pool = new SeparationPool();
});
afterAll(async () => {
  await pool.close();
  await removeFolder(folder);
});

/** Files only: a subject that is a file asks nothing of the stores. */
function run(request: SeparationRequest, options: { signal?: AbortSignal } = {}): Promise<Separation> {
  const parts = {
    database: nothing as Database,
    objects: nothing as ObjectStore,
    dataDir: folder,
    separation: pool,
    withModel: () => Promise.reject(new Error('No label is looked for here.')),
  };
  return separate(request, join(folder, `out-${count++}`), parts, options);
}

/** @param sound an ffmpeg source; @param picture another, or null */
async function make(
  name: string,
  sound: string | null,
  picture: string | null,
  more: string[] = [],
): Promise<string> {
  const file = join(folder, name);
  const inputs = [picture, sound].flatMap((source) => (source === null ? [] : ['-f', 'lavfi', '-i', source]));
  await ffmpeg([...inputs, '-shortest', ...more, file]);
  return file;
}

/** As long as the sound: Matroska does not say how long each stream is. */
const bars = (durationSec: number) => `testsrc2=s=64x48:r=12:d=${durationSec}`;
const BARS = bars(2);

interface Wav {
  channels: number;
  sampleRateHz: number;
  bits: number;
  isFloat: boolean;
  values: Float64Array;
}

async function read(file: string): Promise<Wav> {
  const bytes = await readFile(file);
  const bits = bytes.readUInt16LE(34);
  const isFloat = bytes.readUInt16LE(44) === 3;
  const size = bits / 8;
  const length = bytes.readUInt32LE(64) / size;
  const at = (i: number) =>
    isFloat ? bytes.readFloatLE(68 + 4 * i) : bytes.readIntLE(68 + 3 * i, 3) / 2 ** 23;
  const values = Float64Array.from({ length }, (_, i) => at(i));
  return { channels: bytes.readUInt16LE(22), sampleRateHz: bytes.readUInt32LE(24), bits, isFloat, values };
}

/** The largest difference between target plus residual and the mixture, decoded by ffmpeg. */
async function largestDifference(file: string, made: Separation): Promise<number> {
  const raw = `${file}.f32`;
  await ffmpeg(['-i', file, '-map', '0:a', '-f', 'f32le', raw]);
  const bytes = await readFile(raw);
  const [target, residual] = [await read(made.target), await read(made.residual)];
  expect(residual.values).toHaveLength(target.values.length);
  expect(Math.abs(target.values.length - bytes.length / 4)).toBeLessThanOrEqual(target.channels * 2048);
  let largest = 0;
  for (let i = 0; i < Math.min(target.values.length, bytes.length / 4); i++) {
    const sum = (target.values[i] as number) + (residual.values[i] as number);
    largest = Math.max(largest, Math.abs(sum - bytes.readFloatLE(4 * i)));
  }
  return largest;
}

describe('target and residual add up to the mixture, with its rate and channels', () => {
  const noise = (rateHz: number) => `anoisesrc=r=${rateHz}:a=0.3:d=6.5:seed=3`;
  it.each([
    ['8 kHz mono', noise(8000), 1, 8000],
    ['96 kHz mono', noise(96_000), 1, 96_000],
    ['44.1 kHz stereo', `${noise(44_100)},pan=stereo|c0=c0|c1=-0.5*c0`, 2, 44_100],
    [
      '48 kHz 5.1',
      `${noise(48_000)},pan=5.1|c0=c0|c1=0.5*c0|c2=0*c0|c3=0.1*c0|c4=-1*c0|c5=0.2*c0`,
      6,
      48_000,
    ],
  ])(
    '%s',
    async (name, sound, channels, rateHz) => {
      const file = await make(`${name}.mkv`, sound, bars(6.5), ['-c:a', 'pcm_s16le']);
      const made = await run({ mixture: { file } });
      expect(made).toMatchObject({ channels, sampleRateHz: rateHz });
      expect(await read(made.target)).toMatchObject({ channels, sampleRateHz: rateHz, bits: 24 });
      expect(await largestDifference(file, made)).toBeLessThan(1e-4);
      const { audio } = await probe(made.target);
      expect(audio).toMatchObject({ channels, sampleRateHz: rateHz });
    },
    SLOW_MS,
  );
});

describe('what is unusual is answered', () => {
  it(
    'silence: silence, and no share of anything',
    async () => {
      const file = await make('silence.mkv', 'anullsrc=r=16000:cl=mono:d=3', bars(3), ['-c:a', 'pcm_s16le']);
      const made = await run({ mixture: { file } });
      expect(made.targetShare).toBe(0);
      expect((await read(made.target)).values.every((value) => value === 0)).toBe(true);
    },
    SLOW_MS,
  );

  it(
    'clipped sound: nothing is clipped again, whatever the target peaks at',
    async () => {
      const file = await make('loud.mkv', 'sine=f=300:r=16000:d=3,volume=30dB', bars(3), [
        '-c:a',
        'pcm_s16le',
      ]);
      const made = await run({ mixture: { file } });
      expect(await largestDifference(file, made)).toBeLessThan(1e-4);
    },
    SLOW_MS,
  );

  it(
    'a sound alone, by the picture of another file; a region of it; a still picture',
    async () => {
      const sound = await make('alone.wav', 'anoisesrc=r=16000:a=0.3:d=2', null);
      const still = await make('still.png', null, 'testsrc2=s=64x48:r=1:d=1', ['-frames:v', '1']);
      const mixture = { file: sound };
      const made = await run({
        mixture,
        like: { file: still },
        region: { x: 0, y: 0, width: 0.5, height: 1 },
      });
      expect(made.durationSec).toBeCloseTo(2, 3);
      expect((await readFile(made.picture)).subarray(1, 4).toString()).toBe('PNG');
      await expect(access(made.residual)).resolves.toBeUndefined();
    },
    SLOW_MS,
  );

  it(
    'a region in which there is nothing to see',
    async () => {
      const file = await make('grey.mkv', 'anoisesrc=r=16000:a=0.3:d=2', 'color=c=gray:s=64x48:r=12:d=2');
      const made = await run({ mixture: { file }, region: { x: 0.2, y: 0.2, width: 0.1, height: 0.1 } });
      expect(made.targetShare).toBeGreaterThanOrEqual(0);
      expect(made.targetShare).toBeLessThan(1);
    },
    SLOW_MS,
  );
});

describe('results as they are asked for', () => {
  it.each([
    ['aac', 'm4a', ['-c:a', 'aac']],
    ['pcm_s16le', 'wav', ['-c:a', 'pcm_s16le']],
  ])(
    'in the own codec of the mixture: %s',
    async (codec, extension, options) => {
      const sound = 'anoisesrc=r=32000:a=0.3:d=2:seed=4,pan=stereo|c0=c0|c1=0.5*c0';
      const file = await make(`${codec}.mkv`, sound, BARS, options);
      const made = await run({ mixture: { file }, codec: 'same' });
      const own = (await probe(file)).audio;
      for (const [name, path] of [
        ['target', made.target],
        ['residual', made.residual],
      ] as const) {
        expect(basename(path)).toBe(`${name}.${extension}`);
        const { codec, sampleRateHz, channels, durationSec } = (await probe(path)).audio ?? {};
        expect({ codec, sampleRateHz, channels }).toEqual({
          codec: own?.codec,
          sampleRateHz: own?.sampleRateHz,
          channels: own?.channels,
        });
        expect(durationSec).toBeCloseTo(made.durationSec, 1);
      }
      const files = await readdir(join(made.target, '..'));
      expect(files.sort()).toEqual([`residual.${extension}`, 'spectrograms.png', `target.${extension}`]);
    },
    SLOW_MS,
  );

  it('a codec that is not written is refused before anything is', async () => {
    const file = await make('old.mkv', 'anoisesrc=r=32000:a=0.3:d=2', BARS, ['-c:a', 'adpcm_ms']);
    await expect(run({ mixture: { file }, codec: 'same' })).rejects.toMatchObject({
      code: 'invalid_argument',
      subject: 'codec',
      message: expect.stringContaining('adpcm_ms'),
    });
    await expect(access(join(folder, `out-${count - 1}`))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it(
    'previews as loud as the mixture, to 1 LU, and not above full scale',
    async () => {
      // What the model knows: of what it was never shown, it may claim next to nothing.
      const file = fileURLToPath(new URL('../../fixtures/duets/hammer-cello.mp4', import.meta.url));
      const region = { x: 0, y: 0, width: 0.5, height: 1 };
      const { previews, targetShare } = await run({ mixture: { file }, region, previews: true });
      expect(targetShare).toBeGreaterThan(0.05);
      const goal = (await measureLoudness([file])) as number;
      for (const preview of [previews?.target, previews?.residual] as string[]) {
        expect(Math.abs(((await measureLoudness([preview])) as number) - goal)).toBeLessThan(1);
        expect((await probe(preview)).audio).toMatchObject({ codec: 'aac', channels: 2 });
      }
    },
    SLOW_MS,
  );

  it(
    'previews of silence are silent',
    async () => {
      const file = await make('quiet.mkv', 'anullsrc=r=16000:cl=mono:d=2', BARS, ['-c:a', 'pcm_s16le']);
      const { previews } = await run({ mixture: { file }, previews: true });
      expect(await measureLoudness([previews?.target as string])).toBeNull();
    },
    SLOW_MS,
  );
});

describe('what cannot be is refused, and nothing stays behind', () => {
  let both: string;
  let mute: string;
  let blind: string;
  beforeAll(async () => {
    both = await make('both.mkv', 'anoisesrc=r=16000:a=0.3:d=2', BARS, ['-c:a', 'pcm_s16le']);
    mute = await make('mute.mkv', null, BARS);
    blind = await make('blind.wav', 'anoisesrc=r=16000:a=0.3:d=2', null);
  });

  it.each([
    ['right of the picture', { x: 0.8, y: 0, width: 0.3, height: 1 }],
    ['left of it', { x: -0.1, y: 0, width: 0.3, height: 1 }],
    ['of no size', { x: 0.5, y: 0.5, width: 0, height: 0.2 }],
    ['of no number', { x: Number.NaN, y: 0, width: 0.3, height: 1 }],
  ])('a region %s', async (_where, region) => {
    await expect(run({ mixture: { file: both }, region })).rejects.toMatchObject({
      code: 'invalid_argument',
      subject: 'region',
    });
  });

  it('a label beside a region or another picture', async () => {
    const refused = { code: 'invalid_argument', subject: 'label' };
    const region = { x: 0, y: 0, width: 0.5, height: 1 };
    const mixture = { file: both };
    await expect(run({ mixture, region, label: 'dog' })).rejects.toMatchObject(refused);
    await expect(run({ mixture, like: { file: both }, label: 'dog' })).rejects.toMatchObject(refused);
  });

  it('a mixture without sound, one without picture and no guide, a guide without picture', async () => {
    const lacking = { code: 'modality_missing' };
    await expect(run({ mixture: { file: mute } })).rejects.toMatchObject(lacking);
    await expect(run({ mixture: { file: blind } })).rejects.toMatchObject({
      ...lacking,
      message: expect.stringContaining('give a picture'),
    });
    await expect(run({ mixture: { file: both }, like: { file: blind } })).rejects.toMatchObject(lacking);
    await expect(run({ mixture: { file: join(folder, 'none.mp4') } })).rejects.toMatchObject({
      code: 'file_not_found',
    });
    const made = (await readdir(folder)).filter((name) => name.startsWith('out-'));
    expect(made).not.toContain(`out-${count - 1}`);
  });

  it(
    'one that nobody waits for any more',
    async () => {
      const signal = AbortSignal.abort();
      await expect(run({ mixture: { file: both } }, { signal })).rejects.toMatchObject({ code: 'cancelled' });
      await expect(access(join(folder, `out-${count - 1}`))).rejects.toMatchObject({ code: 'ENOENT' });
    },
    SLOW_MS,
  );
});
