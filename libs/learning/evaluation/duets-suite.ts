/**
 * Where each of several sounds comes from, measured on generated duets, of unlike and of like classes apart, and on
 * trios, beside maps
 * that know less: all that sounds whatever it is, movement alone, the middle of the picture, and chance.
 */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { joined } from '#core/joined';
import type { GroupingCalibration, LocalizationCalibration } from '#model/checkpoint/manifest';
import type { EmbeddingModel, LocalizationRequest } from '#model/embedding-model';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';
import { boxShaped } from '#model/localization/box-shape';
import { resizeMap } from '#model/localization/resize-map';
import { separateSources, soundSources } from '#model/localization/sound-sources';
import type { SegmentSources } from '#model/localization/source-localizer';
import { mean } from '#model/metrics/bootstrap';
import {
  centreGaussianMap,
  consensusIou,
  type LocalizedClass,
  pixelCounts,
  randomMap,
} from '#model/metrics/localization';
import { type ManifestEntry, readGroundTruth, readManifest } from '../corpus/manifest.ts';
import { boxTruth, objectTruths, TRUTH_SIDE } from '../localization/scene-clips.ts';
import { cutAt, firstSegment, type LocalizationEvaluation, movementMap } from './localization-suite.ts';
import { bestAssignment, type DuetClip, scoreDuets } from './score-duets.ts';

export interface DuetsRequest {
  suite: DuetsSuite;
  modelFolder: string;
  /** A model like it whose grouping network was trained without grouping. */
  ablationFolder?: string;
  corpus: string;
  /** So many of each kind of mixture. */
  clips?: number;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export type DuetsSuite = keyof typeof SPLITS;

const SPLITS = {
  'localization-duets': ['test-duets-unlike', 'test-duets-like'],
  'localization-trios': ['test-trios'],
} as const;
/** Times of a clip that are looked at. */
const TIMES_SEC = [0.96, 2.4, 3.84];

interface OpenedModel {
  model: EmbeddingModel;
  grouping: GroupingCalibration;
  localization: LocalizationCalibration | undefined;
}

interface TrueSource {
  label: string;
  /** One for each of the times, `[TRUTH_SIDE * TRUTH_SIDE]`. */
  boxes: Float32Array[];
}

/** @throws EarshotError `not_trained`, `not_enough_data`, `file_not_found` without duets, `cancelled` */
export async function evaluateDuets(request: DuetsRequest): Promise<LocalizationEvaluation> {
  const { corpus, modelFolder, ablationFolder, signal } = request;
  const opened = await open(modelFolder);
  const clips: DuetClip[] = [];
  let ablation: OpenedModel | null = null;
  try {
    ablation = ablationFolder === undefined ? null : await open(ablationFolder);
    const entries: ManifestEntry[] = [];
    for (const split of SPLITS[request.suite])
      entries.push(...(await readManifest(corpus, split)).slice(0, request.clips));
    for (const [i, entry] of entries.entries()) {
      if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
      const media = await firstSegment(path.join(corpus, entry.file), opened.model, signal);
      const frames = TIMES_SEC.map((time) => Math.round(time * opened.model.videoInput.rateHz));
      const sources = await trueSources(corpus, entry);
      const labels = sources.map(({ label }) => label);
      const asked = { waveform: media.samples, block: media.block, frames, query: null, labels };
      clips.push(await lookAt(entry, sources, asked, opened, ablation));
      request.onProgress?.(i + 1, entries.length);
    }
  } finally {
    opened.model.dispose();
    ablation?.model.dispose();
  }
  if (clips.length < 2)
    throw new EarshotError('not_enough_data', 'At least two mixtures are needed to measure localization.');
  const { identity } = opened.model;
  return { suite: request.suite, model: identity, n: clips.length, results: scoreDuets(clips) };
}

async function open(folder: string): Promise<OpenedModel> {
  const { calibration } = await readModelInfo(folder);
  if (calibration?.grouping) {
    const { grouping, localization } = calibration;
    return { model: await loadEmbeddingModel(folder), grouping, localization };
  }
  const message = `${folder} has no grouping head: train one with \`earshot train --head grouping\`.`;
  throw new EarshotError('not_trained', message, { subject: 'model' });
}

/** What sounds and is in the picture. */
async function trueSources(corpus: string, entry: ManifestEntry): Promise<TrueSource[]> {
  const truth = await readGroundTruth(corpus, entry);
  const shown = truth.sources.flatMap(({ soundClass: label, object }) =>
    object === null ? [] : [{ label, object }],
  );
  const objects = shown.map(({ object }) => object);
  const truths = await objectTruths(corpus, entry, truth, objects, TIMES_SEC);
  return shown.map(({ label }, i) => ({
    label,
    boxes: (truths[i] ?? []).map((each) => boxTruth(each, TRUTH_SIDE)),
  }));
}

async function lookAt(
  { id, split }: ManifestEntry,
  sources: readonly TrueSource[],
  asked: LocalizationRequest,
  opened: OpenedModel,
  ablation: OpenedModel | null,
): Promise<DuetClip> {
  const named = await namedSources(opened, asked);
  const { mapThreshold } = opened.grouping;
  const without = ablation && (await namedSources(ablation, asked));
  const single = await allThatSounds(opened, asked);
  const less = knowingLess(id, asked, opened.model);
  const truths = sources.map(({ boxes }) => joined(boxes));
  const counted = (maps: readonly Float32Array[]) => pixelCounts({ maps, truths });
  const alike = (maps: readonly Float32Array[]) => counted(sources.map(() => joined(maps)));
  return {
    like: split === 'test-trios' ? null : split === 'test-duets-like',
    results: {
      model: classMaps(named, sources, opened),
      ...(without && ablation && { withoutGrouping: classMaps(without, sources, ablation) }),
      ...(single && { single: forEachSource(single, sources) }),
      ...cutAlike(less, sources),
    },
    pixels: {
      model: counted(pixelMaps(named, sources, opened)),
      ...(without && ablation && { withoutGrouping: counted(pixelMaps(without, sources, ablation)) }),
      ...(single && { single: alike(single.maps) }),
      movement: alike(less.movement),
      centre: alike(less.centre),
      random: alike(less.random),
    },
    found: soundSources([named], opened.grouping).map(({ label, maps }) => ({
      label,
      cious: sources.map(({ boxes }) => meanCiou(inGrid(maps, named.side), boxes, () => mapThreshold)),
    })),
  };
}

function namedSources({ model }: OpenedModel, asked: LocalizationRequest): Promise<SegmentSources> {
  if (model.localizeSources) return model.localizeSources(asked);
  throw new EarshotError('not_trained', `${model.identity.id} names no sources.`);
}

/** The map of each true source's class; where several are of one class, what was told apart of it. */
function classMaps(
  found: SegmentSources,
  sources: readonly TrueSource[],
  { grouping: { mapThreshold } }: OpenedModel,
): LocalizedClass[] {
  const results = new Map<TrueSource, LocalizedClass>();
  for (const label of new Set(sources.map((source) => source.label))) {
    const alike = sources.filter((source) => source.label === label);
    const cious = toldApart(found, label, alike.length, mapThreshold).map((own) =>
      alike.map(({ boxes }) => meanCiou(own, boxes, () => mapThreshold)),
    );
    const confidence = found.probabilities[found.labels.indexOf(label)] ?? 0;
    bestAssignment(cious, alike.length).forEach((ciou, i) => {
      results.set(alike[i] as TrueSource, { label, confidence, ciou });
    });
  }
  return sources.map((source) => results.get(source) as LocalizedClass);
}

/** Of a class, the maps of as many sources as were told apart, the one with the most in it first; one a time. */
function toldApart(
  { side, labels, maps }: SegmentSources,
  label: string,
  sources: number,
  mapThreshold: number,
): Float32Array[][] {
  const of = labels.indexOf(label);
  if (of < 0) return [];
  const whole = maps.map((classes) => classes[of] as Float32Array);
  const told =
    sources === 1
      ? [whole.map((map) => boxShaped(map, side, mapThreshold))]
      : separateSources(whole, side, mapThreshold).map((own) => own.maps);
  const weight = (own: readonly Float32Array[]) =>
    own.reduce((sum, map) => sum + map.reduce((total, value) => total + value, 0), 0);
  return told.sort((a, b) => weight(b) - weight(a)).map((own) => inGrid(own, side));
}

/** One map for each true source, its times one after the other; empty for a source that was not told apart. */
function pixelMaps(
  found: SegmentSources,
  sources: readonly TrueSource[],
  { grouping: { mapThreshold } }: OpenedModel,
): Float32Array[] {
  const left = new Map<string, Float32Array[][]>();
  return sources.map(({ label, boxes }) => {
    const alike = sources.filter((source) => source.label === label);
    const told = left.get(label) ?? toldApart(found, label, alike.length, mapThreshold);
    left.set(label, told.slice(1));
    return told[0] ? joined(told[0]) : new Float32Array(boxes.length * TRUTH_SIDE ** 2);
  });
}

interface SingleMaps {
  /** One a time. */
  maps: Float32Array[];
  confidence: number;
  threshold: number;
}

/** The map of everything that sounds. */
async function allThatSounds(
  { model, localization }: OpenedModel,
  asked: LocalizationRequest,
): Promise<SingleMaps | null> {
  if (!localization || !model.localize) return null;
  const { maps, side, confidence } = await model.localize(asked);
  return { maps: inGrid(maps, side), confidence, threshold: localization.mapThreshold };
}

function forEachSource(
  { maps, confidence, threshold }: SingleMaps,
  sources: readonly TrueSource[],
): LocalizedClass[] {
  return sources.map(({ label, boxes }) => ({
    ...{ label, confidence },
    ciou: meanCiou(maps, boxes, () => threshold),
  }));
}

const LESS_KINDS = ['movement', 'centre', 'random'] as const;
type LessMaps = Record<(typeof LESS_KINDS)[number], Float32Array[]>;

/** One a time, of each of the kinds that do not listen. */
function knowingLess(
  id: string,
  { block, frames }: LocalizationRequest,
  { videoInput: { width } }: EmbeddingModel,
): LessMaps {
  const { map, side } = movementMap(block, width);
  const [moving] = inGrid([map], side) as [Float32Array];
  return {
    movement: frames.map(() => moving),
    centre: frames.map(() => centreGaussianMap(TRUTH_SIDE, TRUTH_SIDE)),
    random: frames.map((_, i) => randomMap(TRUTH_SIDE, TRUTH_SIDE, `${id}/${i}`)),
  };
}

/** Each marks as much of the picture as a true box does on average, which is more than it could know. */
function cutAlike(less: LessMaps, sources: readonly TrueSource[]): DuetClip['results'] {
  const area = mean(sources.flatMap(({ boxes }) => boxes.map((box) => mean([...box]))));
  const cious = LESS_KINDS.map((kind) => [
    kind,
    sources.map(({ label, boxes }) => ({
      ...{ label, confidence: 0 },
      ciou: meanCiou(less[kind], boxes, (map) => cutAt(map, area)),
    })),
  ]);
  return Object.fromEntries(cious) as DuetClip['results'];
}

function inGrid(maps: readonly Float32Array[], side: number): Float32Array[] {
  return maps.map((map) => resizeMap(map, side, TRUTH_SIDE, TRUTH_SIDE));
}

/** Over the times that are looked at. */
function meanCiou(
  maps: readonly Float32Array[],
  boxes: readonly Float32Array[],
  cut: (map: Float32Array) => number,
): number {
  return mean(
    maps.map((map, i) => consensusIou(map, boxes[i] as Float32Array, { kind: 'absolute', value: cut(map) })),
  );
}
