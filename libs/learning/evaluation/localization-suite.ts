/**
 * Where sounds come from, measured on generated solos of objects that training has not seen, beside maps that know
 * less: the plain similarity of sound and places, movement alone, the middle of the picture, and chance.
 */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { joined } from '#core/joined';
import type { LocalizationCalibration } from '#model/checkpoint/manifest';
import type { EmbeddingModel, FrameBlock } from '#model/embedding-model';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';
import { CELL_PIXELS, movementOfFrames } from '#model/localization/motion-evidence';
import { resizeMap } from '#model/localization/resize-map';
import { bootstrap, mean } from '#model/metrics/bootstrap';
import {
  CIOU_SUCCESS,
  centreGaussianMap,
  consensusIou,
  type MapThreshold,
  type PixelCounts,
  pixelCounts,
  pooledAveragePrecision,
  randomMap,
  successAuc,
  successRate,
} from '#model/metrics/localization';
import { dot } from '#model/network/dot';
import { readGroundTruth, readManifest } from '../corpus/manifest.ts';
import type { Split } from '../corpus/performance.ts';
import { type ClipMedia, decodeBeginning } from '../decode-beginning.ts';
import { boxTruth, type ObjectTruth, objectTruths, TRUTH_SIDE } from '../localization/scene-clips.ts';
import { PIXEL_RESAMPLES } from './score-duets.ts';

interface Score {
  value: number;
  chance: number;
  ci95: [number, number];
}

export interface LocalizationEvaluation {
  suite: string;
  model: { id: string; version: string; dimension: number };
  n: number;
  results: Record<string, Score>;
}

export interface LocalizationSuiteRequest {
  suite: string;
  modelFolder: string;
  corpus: string;
  split: Split;
  clips?: number;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** Times of a clip that are looked at. */
const TIMES_SEC = [0.96, 2.4, 3.84];
const MAP_KINDS = ['model', 'similarity', 'movement', 'centre', 'random'] as const;
type MapKind = (typeof MAP_KINDS)[number];

interface FrameResult {
  maps: Record<MapKind, Float32Array>;
  box: Float32Array;
  mask: Float32Array;
}

/** @throws EarshotError `not_trained`, `not_enough_data`, `file_not_found` without a corpus, `cancelled` */
export async function evaluateLocalization(
  request: LocalizationSuiteRequest,
): Promise<LocalizationEvaluation> {
  const { corpus, split } = request;
  const { model, calibration } = await openLocalizingModel(request.modelFolder);
  const entries = (await readManifest(corpus, split)).slice(0, request.clips);
  const clips: FrameResult[][] = [];
  try {
    for (const [i, entry] of entries.entries()) {
      if (request.signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
      const truth = await readGroundTruth(corpus, entry);
      const file = path.join(corpus, entry.file);
      const truths = await objectTruths(corpus, entry, truth, [truth.sources[0]?.object ?? 0], TIMES_SEC);
      const media = await firstSegment(file, model, request.signal);
      clips.push(await framesOf(entry.id, media, truths[0] as ObjectTruth[], model));
      request.onProgress?.(i + 1, entries.length);
    }
  } finally {
    model.dispose();
  }
  if (clips.length < 2)
    throw new EarshotError('not_enough_data', 'At least two clips are needed to measure localization.');
  const results = scoreMaps(clips, calibration.mapThreshold);
  return { suite: request.suite, model: model.identity, n: clips.length, results };
}

/** @throws EarshotError `not_trained` for a model without a localization head, and what `loadEmbeddingModel` says */
export async function openLocalizingModel(
  folder: string,
): Promise<{ model: EmbeddingModel; calibration: LocalizationCalibration }> {
  const calibration = (await readModelInfo(folder)).calibration?.localization;
  if (calibration) return { model: await loadEmbeddingModel(folder), calibration };
  const message = `${folder} has no localization head: train one with \`earshot train --head localization\`.`;
  throw new EarshotError('not_trained', message, { subject: 'model' });
}

/** What the model sees and hears of a clip's beginning. */
export function firstSegment(file: string, model: EmbeddingModel, signal?: AbortSignal): Promise<ClipMedia> {
  const { segments, videoInput, audioInput } = model;
  return decodeBeginning(file, { lengthSec: segments.lengthSec, video: videoInput, ...audioInput, signal });
}

async function framesOf(
  id: string,
  { block, samples }: ClipMedia,
  truths: readonly ObjectTruth[],
  model: EmbeddingModel,
): Promise<FrameResult[]> {
  const { rateHz, width } = model.videoInput;
  const frames = TIMES_SEC.map((time) => Math.round(time * rateHz));
  if (!model.localize || !model.audioFeatures || !model.videoFeatures)
    throw new EarshotError('not_trained', `${model.identity.id} has no maps.`, {
      subject: model.identity.id,
    });
  const found = await model.localize({ waveform: samples, block, frames, query: null });
  const side = TRUTH_SIDE;
  const inGrid = (map: Float32Array, cells: number) => resizeMap(map, cells, side, side);
  const similar = await similarityMaps(model, { block, samples }, frames);
  const movement = movementMap(block, width);
  return truths.map((truth, i) => ({
    maps: {
      model: inGrid(found.maps[i] as Float32Array, found.side),
      similarity: inGrid(similar.maps[i] as Float32Array, similar.side),
      movement: inGrid(movement.map, movement.side),
      centre: centreGaussianMap(side, side),
      random: randomMap(side, side, `${id}/${i}`),
    },
    box: boxTruth(truth, side),
    mask: Float32Array.from(truth.mask),
  }));
}

/**
 * The largest-position objective's own map: cosine of the sound and every position, learned from pairs alone; in 0..1.
 */
export async function similarityMaps(
  model: EmbeddingModel,
  { block, samples }: ClipMedia,
  frames: readonly number[],
): Promise<{ maps: Float32Array[]; side: number }> {
  const { embedding } = await (model.audioFeatures as NonNullable<typeof model.audioFeatures>)(samples);
  const colour = frames.map((frame) => Math.floor(frame / colourEvery(model, block)));
  const { positions } = await (model.videoFeatures as NonNullable<typeof model.videoFeatures>)(block, colour);
  if (!positions) throw new EarshotError('not_trained', `${model.identity.id} has no positions.`);
  const [, side, , dimension] = positions.shape as [number, number, number, number];
  const maps = frames.map((_, i) =>
    Float32Array.from({ length: side * side }, (_, cell) => {
      const at = (i * side * side + cell) * dimension;
      return (1 + dot(embedding.data, positions.data.subarray(at, at + dimension))) / 2;
    }),
  );
  return { maps, side };
}

/** Of `mini`, every third frame is a colour frame. */
function colourEvery(model: EmbeddingModel, { count }: FrameBlock): number {
  return model.colourEveryFrames ?? count;
}

/**
 * How much each place moves on average, `[side * side]`, 0..1; most pictures move so little that the root spreads it.
 *
 * @param width of the frames, which are square
 */
export function movementMap({ data, count }: FrameBlock, width: number): { map: Float32Array; side: number } {
  const side = width / CELL_PIXELS;
  const movement = movementOfFrames(data, count, width, side);
  const cells = side * side;
  const map = Float32Array.from({ length: cells }, (_, cell) => {
    let sum = 0;
    for (let frame = 0; frame < count; frame++) sum += movement[frame * cells + cell] as number;
    return Math.sqrt(sum / count);
  });
  return { map, side };
}

/**
 * `ciou50` and `auc` against boxes: the model's maps at its own threshold, the others' where they mark as much of the
 * picture as the true boxes do on average, which is more than they could know. `.median` cuts every map at its own
 * median, as the literature does; `.mask` compares with what the object really covers.
 */
function scoreMaps(clips: readonly FrameResult[][], threshold: number): Record<string, Score> {
  const area = mean(clips.flat().map(({ box }) => mean([...box])));
  const results: Record<string, Score> = {};
  const cuts: [string, (kind: MapKind, map: Float32Array) => MapThreshold, 'box' | 'mask'][] = [
    [
      '',
      (kind, map) => ({ kind: 'absolute', value: kind === 'model' ? threshold : cutAt(map, area) }),
      'box',
    ],
    [
      '.mask',
      (kind, map) => ({ kind: 'absolute', value: kind === 'model' ? threshold : cutAt(map, area) }),
      'mask',
    ],
    ['.median', () => ({ kind: 'median' }), 'box'],
  ];
  for (const [suffix, cut, truth] of cuts) {
    const ofKind = (kind: MapKind) =>
      clips.map((frames) =>
        mean(
          frames.map((frame) => consensusIou(frame.maps[kind], frame[truth], cut(kind, frame.maps[kind]))),
        ),
      );
    const chance = ofKind('random');
    for (const kind of MAP_KINDS) {
      const cious = ofKind(kind);
      const prefix = kind === 'model' ? '' : `${kind}.`;
      const rate = (values: readonly number[]) => successRate(values, CIOU_SUCCESS.solo);
      results[`${prefix}ciou50${suffix}`] = { ...bootstrap(cious, rate), chance: rate(chance) };
      results[`${prefix}auc${suffix}`] = { ...bootstrap(cious, successAuc), chance: successAuc(chance) };
    }
  }
  addPixelPrecision(clips, results);
  return results;
}

/** `piap`: average precision of all pixels pooled, against boxes; of a map that says nothing it is the boxes' share. */
function addPixelPrecision(clips: readonly FrameResult[][], results: Record<string, Score>): void {
  const precisionOf = (kind: MapKind) => {
    const counts = clips.map((frames) =>
      pixelCounts({
        maps: [joined(frames.map(({ maps }) => maps[kind]))],
        truths: [joined(frames.map(({ box }) => box))],
      }),
    );
    const indices = counts.map((_, i) => i);
    return bootstrap(indices, (drawn) => pooledAveragePrecision(drawn.map((i) => counts[i] as PixelCounts)), {
      resamples: PIXEL_RESAMPLES,
    });
  };
  const chance = precisionOf('random').value;
  for (const kind of MAP_KINDS)
    results[kind === 'model' ? 'piap' : `${kind}.piap`] = { ...precisionOf(kind), chance };
}

/** The value that so large a part of the map reaches. */
export function cutAt(map: Float32Array, part: number): number {
  const sorted = map.slice().sort();
  return sorted[Math.max(0, Math.min(map.length - 1, Math.round(map.length * (1 - part))))] as number;
}
