/**
 * What separation learns from, prepared once: the sound of each source of a clip at the network's rate, and what the guide
 * saw of it. Learning then decodes nothing and looks at nothing.
 */
import { createHash } from 'node:crypto';
import { access, mkdir, open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { decodeFrames, decodeSamples, decodeStreams } from '#media/decode';
import type { PictureRegion } from '#media/filters';
import { unstackParts } from '#media/stacked-parts';
import { SEPARATION_RATE_HZ } from '#model/front-ends/stft';
import { videoBatch } from '#model/front-ends/video-batch';
import { type GuideTower, maxOverPlaces, maxOverTime } from '#model/separation/network/guide-tower';
import type { SeparationManifest } from '#model/separation/network/manifest';
import { cellsOf } from '#model/separation/network/motion-cells';
import type { VisualQueryOptions } from '#model/separation/network/visual-query';
import { withoutPart } from '#model/separation/rest-of-picture';
import { CELL_CHANNELS, CELL_COUNT } from '#model/synchronization/cell-motion';

/** 5 s at 11 025 Hz. */
export const CLIP_SAMPLES = 55_125;

type Widths = Pick<VisualQueryOptions, 'positionWidth' | 'embeddingWidth' | 'stepWidth'>;

interface Clip {
  id: string;
  label: string;
  file: string;
  durationSec: number;
}

/** One source. It is seen twice: in the whole frame, and in its region. */
export interface Solo extends Clip {
  /** Where in the picture the source is; null: all of it. */
  region: PictureRegion | null;
}

/**
 * Several sources, each in a file of its own as loud as in the mixture. Of each there are two views, one behind the other:
 * its region, and the picture without it; and likewise, behind those, of a place with nothing in it.
 */
export interface Scene extends Clip {
  sources: readonly { stem: string; region: PictureRegion }[];
  /** Null: there is no such place, and its views are zeros. */
  empty: PictureRegion | null;
}

export interface ClipCache {
  clips: readonly { id: string; label: string; samples: number; hasEmpty: boolean }[];
  /** Sources and views of every clip. */
  sources: number;
  views: number;
  /** 16 bit, `[clips, sources, 55125]`. */
  samples: Int16Array;
  /** Of each clip and view: pooled positions, embedding, motion tokens, and the cells' motion. */
  guides: Float32Array;
  /** Steps of a view, of tokens and of cells, and their rate. */
  guideSteps: number;
  guideRateHz: number;
}

export interface CacheOptions {
  /** Where the cache is kept. */
  folder: string;
  tower: GuideTower;
  guide: Pick<SeparationManifest['guide'], 'sha256' | 'steps' | 'video' | 'motionSize'>;
  widths: Widths;
  signal?: AbortSignal | undefined;
  onProgress?(done: number, total: number): void;
}

/** Where in a view's floats each part begins, and how many there are in all. */
export function guideLayout({ positionWidth, embeddingWidth, stepWidth }: Widths, guideSteps: number) {
  const tokens = positionWidth + embeddingWidth;
  const cells = tokens + guideSteps * stepWidth;
  return { embedding: positionWidth, tokens, cells, floats: cells + guideSteps * CELL_COUNT * CELL_CHANNELS };
}

/** Opens the cache of these clips; what is missing of it is decoded first, and an interrupted one goes on. */
export function openSoloCache(clips: readonly Solo[], options: CacheOptions): Promise<ClipCache> {
  return openCache(clips, { sources: 1, views: 2 }, prepareSolo, options);
}

/** The same of scenes, all of which have as many sources as the first. */
export function openSceneCache(clips: readonly Scene[], options: CacheOptions): Promise<ClipCache> {
  const sources = clips[0]?.sources.length ?? 0;
  return openCache(clips, { sources, views: 2 * (sources + 1) }, prepareScene, options);
}

interface Prepared {
  /** Of every source. */
  sounds: Int16Array[];
  /** RGB frames of every view; null for one that there is not. */
  views: (Uint8Array | null)[];
}

type Prepare<C> = (clip: C, options: CacheOptions) => Promise<Prepared>;

async function openCache<C extends Clip>(
  clips: readonly C[],
  counts: Pick<ClipCache, 'sources' | 'views'>,
  prepare: Prepare<C>,
  options: CacheOptions,
): Promise<ClipCache> {
  const { folder, guide, widths } = options;
  const key = JSON.stringify([
    clips.map(({ id }) => id),
    guide.sha256,
    counts.views,
    guide.steps,
    CELL_CHANNELS,
  ]);
  const base = path.join(folder, `solos-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`);
  await mkdir(folder, { recursive: true });
  const sizes = {
    samples: counts.sources * CLIP_SAMPLES * 2,
    guides: counts.views * guideLayout(widths, guide.steps).floats * 4,
  };
  if (!(await isWhole(base))) await fill(base, clips, sizes, prepare, options);
  const [samples, guides] = await Promise.all([readFile(`${base}.samples`), readFile(`${base}.guides`)]);
  return {
    clips: clips.map((clip) => ({
      id: clip.id,
      label: clip.label,
      samples: Math.min(CLIP_SAMPLES, Math.floor(clip.durationSec * SEPARATION_RATE_HZ)),
      hasEmpty: 'empty' in clip && clip.empty !== null,
    })),
    ...counts,
    samples: new Int16Array(samples.buffer, samples.byteOffset, samples.byteLength / 2),
    guides: new Float32Array(guides.buffer, guides.byteOffset, guides.byteLength / 4),
    guideSteps: guide.steps,
    guideRateHz: guide.video.rateHz,
  };
}

async function isWhole(base: string): Promise<boolean> {
  return access(`${base}.samples`).then(
    () => true,
    () => false,
  );
}

async function fill<C extends Clip>(
  base: string,
  clips: readonly C[],
  sizes: { samples: number; guides: number },
  prepare: Prepare<C>,
  options: CacheOptions,
): Promise<void> {
  const samples = await open(`${base}.samples.part`, 'a+');
  const guides = await open(`${base}.guides.part`, 'a+');
  try {
    // Guides are written last, so their number is that of the clips that are done.
    const done = Math.floor((await guides.stat()).size / sizes.guides);
    await samples.truncate(done * sizes.samples);
    await guides.truncate(done * sizes.guides);
    for (const [i, clip] of clips.entries()) {
      if (i < done) continue;
      if (options.signal?.aborted) throw new EarshotError('cancelled', 'Decoding was stopped.');
      const { views, sounds } = await prepare(clip, options);
      for (const sound of sounds) await samples.appendFile(bytesOf(sound));
      const seen: Uint8Array[] = [];
      for (const view of views) seen.push(bytesOf(await lookAt(view, options)));
      await guides.appendFile(Buffer.concat(seen));
      options.onProgress?.(i + 1, clips.length);
    }
  } finally {
    await samples.close();
    await guides.close();
  }
  await rename(`${base}.guides.part`, `${base}.guides`);
  await rename(`${base}.samples.part`, `${base}.samples`);
}

/** Sound and both views of the picture, in one pass over the file. */
async function prepareSolo({ file, region }: Solo, options: CacheOptions): Promise<Prepared> {
  const { guide, signal } = options;
  const { rateHz, width, height, fit } = guide.video;
  const parts = [null, region];
  const stack = new Uint8Array(guide.steps * parts.length * width * height * 3);
  const sound = new Float32Array(CLIP_SAMPLES);
  const streams = {
    frames: { rateHz, width, height: height * parts.length, fit, parts },
    samples: { sampleRateHz: SEPARATION_RATE_HZ },
  };
  const endSec = Math.max(CLIP_SAMPLES / SEPARATION_RATE_HZ, guide.steps / rateHz);
  for await (const chunk of decodeStreams(file, { ...streams, startSec: 0, endSec, signal })) {
    if (chunk.kind === 'samples') putInto(sound, chunk.data, chunk.firstSample);
    else putInto(stack, chunk.data, (chunk.firstIndex * stack.length) / guide.steps);
  }
  return { sounds: [integers(sound)], views: unstackParts(stack, parts.length, guide.steps) };
}

/** Each source's region, and the picture without it; and of a place with nothing in it the same. */
async function prepareScene({ file, sources, empty }: Scene, options: CacheOptions): Promise<Prepared> {
  const { guide, signal } = options;
  const { rateHz, width, height, fit } = guide.video;
  const sounds: Int16Array[] = [];
  for (const { stem } of sources) {
    const endSec = CLIP_SAMPLES / SEPARATION_RATE_HZ;
    const { data } = await decodeSamples(stem, { sampleRateHz: SEPARATION_RATE_HZ, endSec, signal });
    const sound = new Float32Array(CLIP_SAMPLES);
    putInto(sound, data, 0);
    sounds.push(integers(sound));
  }
  const regions = [...sources.map(({ region }) => region), ...(empty ? [empty] : [])];
  const parts = [...regions, null];
  const request = { rateHz, width, height: height * parts.length, fit, parts, endSec: guide.steps / rateHz };
  const { data } = await decodeFrames(file, { ...request, signal });
  const seen = unstackParts(data, parts.length, guide.steps);
  const whole = { data: seen.at(-1) as Uint8Array, count: guide.steps };
  const views = regions.flatMap((region, i): (Uint8Array | null)[] => {
    // Where a source is nearly all of the picture there is no rest of it, and the whole stands for it.
    const rest = withoutPart(whole, guide.video, region) ?? whole;
    return [seen[i] as Uint8Array, rest.data as Uint8Array];
  });
  return { sounds, views: empty ? views : [...views, null, null] };
}

/** As much of it as there is room for. */
function putInto<A extends Float32Array | Uint8Array>(to: A, from: A, offset: number): void {
  to.set(from.subarray(0, Math.max(0, to.length - offset)) as never, Math.min(offset, to.length));
}

/** Pooled positions, embedding, motion tokens and the cells' motion. */
async function lookAt(
  block: Uint8Array | null,
  { tower, guide, widths }: CacheOptions,
): Promise<Float32Array> {
  const layout = guideLayout(widths, guide.steps);
  const view = new Float32Array(layout.floats);
  if (!block) return view;
  const frames = { data: block, count: guide.steps };
  const seen = await tower.look(videoBatch([frames], guide.video, { size: guide.motionSize }));
  view.set(maxOverPlaces(maxOverTime(seen, widths.positionWidth), widths.positionWidth));
  view.set(seen.embedding, layout.embedding);
  view.set(seen.steps, layout.tokens);
  view.set(cellsOf(frames, guide.video), layout.cells);
  return view;
}

/** In 16 bit. */
function integers(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 32768))));
}

function bytesOf(values: Int16Array | Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
