/**
 * Clips with one source each, prepared once: their sound at the network's rate, and what the guide saw of them. Learning
 * then decodes nothing and looks at nothing.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { decodeStreams } from '#media/decode';
import type { PictureRegion } from '#media/filters';
import { SEPARATION_RATE_HZ } from '#model/front-ends/stft';
import { videoBatch } from '#model/front-ends/video-batch';
import { type GuideTower, maxOverPlaces, maxOverTime } from '#model/separation/network/guide-tower';
import type { SeparationManifest } from '#model/separation/network/manifest';
import { cellsOf } from '#model/separation/network/motion-cells';
import type { VisualQueryOptions } from '#model/separation/network/visual-query';
import { CELL_CHANNELS, CELL_COUNT } from '#model/synchronization/cell-motion';

/** The whole frame, and the box of what sounds. */
export const GUIDE_VIEWS = 2;
/** 5 s at 11 025 Hz. */
export const SOLO_SAMPLES = 55_125;

type Widths = Pick<VisualQueryOptions, 'positionWidth' | 'embeddingWidth' | 'stepWidth'>;

export interface Solo {
  id: string;
  label: string;
  file: string;
  /** Where in the picture the source is; null: all of it. */
  region: PictureRegion | null;
  durationSec: number;
}

export interface SoloCache {
  clips: readonly { id: string; label: string; samples: number }[];
  /** 16 bit, `[clips, 55125]`. */
  samples: Int16Array;
  /** For each clip and view: pooled positions, embedding, motion tokens, and the cells' motion. */
  guides: Float32Array;
  /** Steps of a view, of tokens and of cells, and their rate. */
  guideSteps: number;
  guideRateHz: number;
}

export interface SoloCacheOptions {
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
export async function openSoloCache(clips: readonly Solo[], options: SoloCacheOptions): Promise<SoloCache> {
  const { folder, guide, widths } = options;
  const key = JSON.stringify([
    clips.map(({ id }) => id),
    guide.sha256,
    GUIDE_VIEWS,
    guide.steps,
    CELL_CHANNELS,
  ]);
  const base = path.join(folder, `solos-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`);
  await mkdir(folder, { recursive: true });
  const views = GUIDE_VIEWS * guideLayout(widths, guide.steps).floats * 4;
  const sizes = { samples: SOLO_SAMPLES * 2, guides: views };
  if (!(await isWhole(base))) await fill(base, clips, sizes, options);
  const [samples, guides] = await Promise.all([readFile(`${base}.samples`), readFile(`${base}.guides`)]);
  return {
    clips: clips.map(({ id, label, durationSec }) => ({
      id,
      label,
      samples: Math.min(SOLO_SAMPLES, Math.floor(durationSec * SEPARATION_RATE_HZ)),
    })),
    samples: new Int16Array(samples.buffer, samples.byteOffset, samples.byteLength / 2),
    guides: new Float32Array(guides.buffer, guides.byteOffset, guides.byteLength / 4),
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
  clips: readonly Solo[],
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
    for (const [i, clip] of clips.entries()) {
      if (i < done) continue;
      if (options.signal?.aborted) throw new EarshotError('cancelled', 'Decoding was stopped.');
      const { views, sound } = await prepare(clip, options);
      await samples.appendFile(bytesOf(sound));
      await guides.appendFile(bytesOf(views));
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
async function prepare(
  { file, region }: Solo,
  options: SoloCacheOptions,
): Promise<{ sound: Int16Array; views: Float32Array }> {
  const { guide, signal } = options;
  const { rateHz, width, height, fit } = guide.video;
  const frameBytes = width * height * 3;
  const blocks = Array.from({ length: GUIDE_VIEWS }, () => new Uint8Array(guide.steps * frameBytes));
  const sound = new Int16Array(SOLO_SAMPLES);
  const streams = {
    frames: { rateHz, width, height: height * GUIDE_VIEWS, fit, parts: [null, region] },
    samples: { sampleRateHz: SEPARATION_RATE_HZ },
  };
  const endSec = Math.max(SOLO_SAMPLES / SEPARATION_RATE_HZ, guide.steps / rateHz);
  for await (const chunk of decodeStreams(file, { ...streams, startSec: 0, endSec, signal })) {
    if (chunk.kind === 'samples') {
      const count = Math.min(chunk.data.length, SOLO_SAMPLES - chunk.firstSample);
      for (let i = 0; i < count; i++) sound[chunk.firstSample + i] = integerOf(chunk.data[i] as number);
      continue;
    }
    for (let i = 0; i < chunk.count && chunk.firstIndex + i < guide.steps; i++) {
      blocks.forEach((block, view) => {
        const from = (i * GUIDE_VIEWS + view) * frameBytes;
        block.set(chunk.data.subarray(from, from + frameBytes), (chunk.firstIndex + i) * frameBytes);
      });
    }
  }
  const views: Float32Array[] = [];
  for (const block of blocks) views.push(await viewOf(block, options));
  const size = views[0]?.length ?? 0;
  const joined = new Float32Array(size * GUIDE_VIEWS);
  views.forEach((view, i) => {
    joined.set(view, i * size);
  });
  return { sound, views: joined };
}

/** Pooled positions, embedding, motion tokens and the cells' motion. */
async function viewOf(block: Uint8Array, { tower, guide, widths }: SoloCacheOptions): Promise<Float32Array> {
  const frames = { data: block, count: guide.steps };
  const seen = await tower.look(videoBatch([frames], guide.video, { size: guide.motionSize }));
  const layout = guideLayout(widths, guide.steps);
  const view = new Float32Array(layout.floats);
  view.set(maxOverPlaces(maxOverTime(seen, widths.positionWidth), widths.positionWidth));
  view.set(seen.embedding, layout.embedding);
  view.set(seen.steps, layout.tokens);
  view.set(cellsOf(frames, guide.video), layout.cells);
  return view;
}

function integerOf(sample: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
}

function bytesOf(values: Int16Array | Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
