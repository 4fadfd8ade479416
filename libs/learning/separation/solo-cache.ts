/**
 * Clips with one source each, prepared once: their sound at the network's rate, and what the guide saw of them. Learning
 * then decodes nothing and looks at nothing.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { decodeFrames, decodeSamples } from '#media/decode';
import { SEPARATION_RATE_HZ } from '#model/front-ends/stft';
import { videoBatch } from '#model/front-ends/video-batch';
import { type GuideTower, maxOverPlaces, maxOverTime } from '#model/separation/network/guide-tower';
import type { SeparationManifest } from '#model/separation/network/manifest';
import type { VisualQueryOptions } from '#model/separation/network/visual-query';
import type { GroundTruth, ManifestEntry } from '../corpus/manifest.ts';
import { regionOf } from './object-region.ts';

/** The whole frame, and the box of what sounds. */
export const GUIDE_VIEWS = 2;
/** 5 s at 11 025 Hz. */
export const SOLO_SAMPLES = 55_125;

type Widths = Pick<VisualQueryOptions, 'positionWidth' | 'embeddingWidth' | 'stepWidth'>;

export interface SoloCache {
  clips: readonly { id: string; label: string }[];
  /** 16 bit, `[clips, 55125]`. */
  samples: Int16Array;
  /** For each clip and view: pooled positions, embedding and motion tokens. */
  guides: Float32Array;
  /** Motion tokens of a view, and their rate. */
  guideSteps: number;
  guideRateHz: number;
}

export interface SoloCacheOptions {
  /** Where the cache is kept. */
  folder: string;
  /** Of the clips. */
  corpus: string;
  tower: GuideTower;
  guide: Omit<SeparationManifest['guide'], 'file'>;
  widths: Widths;
  signal?: AbortSignal | undefined;
  onProgress?(done: number, total: number): void;
}

/** Floats that one view of a clip takes. */
export function guideFloats(
  { positionWidth, embeddingWidth, stepWidth }: Widths,
  guideSteps: number,
): number {
  return positionWidth + embeddingWidth + guideSteps * stepWidth;
}

/** Opens the cache of these clips; what is missing of it is decoded first, and an interrupted one goes on. */
export async function openSoloCache(
  entries: readonly ManifestEntry[],
  options: SoloCacheOptions,
): Promise<SoloCache> {
  const { folder, guide, widths } = options;
  const key = JSON.stringify([entries.map(({ id }) => id), guide.sha256, GUIDE_VIEWS, guide.steps]);
  const base = path.join(folder, `solos-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`);
  await mkdir(folder, { recursive: true });
  const views = GUIDE_VIEWS * guideFloats(widths, guide.steps) * 4;
  const sizes = { samples: SOLO_SAMPLES * 2, guides: views };
  if (!(await isWhole(base))) await fill(base, entries, sizes, options);
  const [samples, guides] = await Promise.all([readFile(`${base}.samples`), readFile(`${base}.guides`)]);
  return {
    clips: entries.map(({ id, label }) => ({ id, label })),
    samples: new Int16Array(samples.buffer, samples.byteOffset, samples.byteLength / 2),
    guides: new Float32Array(new Uint8Array(guides).buffer),
    guideSteps: guide.steps,
    guideRateHz: guide.video.rateHz,
  };
}

async function isWhole(base: string): Promise<boolean> {
  return readFile(`${base}.samples`, { flag: 'r' }).then(
    () => true,
    () => false,
  );
}

async function fill(
  base: string,
  entries: readonly ManifestEntry[],
  sizes: { samples: number; guides: number },
  options: SoloCacheOptions,
): Promise<void> {
  const samples = await open(`${base}.samples.part`, 'a+');
  const guides = await open(`${base}.guides.part`, 'a+');
  try {
    // Guides are written last, so their number is that of the clips that are done.
    const done = Math.floor((await guides.stat()).size / sizes.guides);
    await samples.truncate(done * sizes.samples);
    await guides.truncate(done * sizes.guides);
    for (const [i, entry] of entries.entries()) {
      if (i < done) continue;
      if (options.signal?.aborted) throw new EarshotError('cancelled', 'Decoding was stopped.');
      await samples.appendFile(bytesOf(await soundOf(path.join(options.corpus, entry.file), options.signal)));
      await guides.appendFile(bytesOf(await viewsOf(entry, options)));
      options.onProgress?.(i + 1, entries.length);
    }
  } finally {
    await samples.close();
    await guides.close();
  }
  await rename(`${base}.guides.part`, `${base}.guides`);
  await rename(`${base}.samples.part`, `${base}.samples`);
}

async function soundOf(file: string, signal?: AbortSignal): Promise<Int16Array> {
  const endSec = SOLO_SAMPLES / SEPARATION_RATE_HZ;
  const { data } = await decodeSamples(file, { sampleRateHz: SEPARATION_RATE_HZ, endSec, signal });
  const integers = new Int16Array(SOLO_SAMPLES);
  const count = Math.min(SOLO_SAMPLES, data.length);
  for (let i = 0; i < count; i++) {
    integers[i] = Math.max(-32768, Math.min(32767, Math.round((data[i] as number) * 32768)));
  }
  return integers;
}

/** Pooled positions, embedding and motion tokens of the whole frame, then of the box of what sounds. */
async function viewsOf(entry: ManifestEntry, options: SoloCacheOptions): Promise<Float32Array> {
  const { tower, guide, widths, corpus, signal } = options;
  const truth = JSON.parse(await readFile(path.join(corpus, entry.groundTruth), 'utf8')) as GroundTruth;
  const { rateHz, width, height, fit } = guide.video;
  const views: number[] = [];
  for (const region of [null, regionOf(truth, 0)]) {
    const request = { rateHz, width, height, fit, region, endSec: guide.steps / rateHz, signal };
    const frames = await decodeFrames(path.join(corpus, entry.file), request);
    const seen = await tower.look(videoBatch([frames], guide.video, { size: guide.motionSize }));
    const places = maxOverTime(seen, widths.positionWidth);
    views.push(...maxOverPlaces(places, widths.positionWidth), ...seen.embedding, ...seen.steps);
  }
  return Float32Array.from(views);
}

function bytesOf(values: Int16Array | Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
