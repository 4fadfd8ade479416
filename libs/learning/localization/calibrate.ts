/**
 * From logits to probabilities and verdicts: two logistic curves and two thresholds, fitted on validation clips. Each
 * clip is asked about with its own sound, with that of a clip of another class, and with a sound that has no source.
 */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { fitPlatt, plattProbability } from '#model/calibration/platt';
import type { FrontEnds, LocalizationCalibration } from '#model/checkpoint/manifest';
import { mapSide } from '#model/localization/localization-input';
import { soundingEvidence } from '#model/localization/localizer';
import { consensusIou } from '#model/metrics/localization';
import { type ManifestEntry, readGroundTruth, readManifest } from '../corpus/manifest.ts';
import type { ClipMedia } from '../decode-beginning.ts';
import { ambience } from './ambience.ts';
import type { HeadProbe } from './head-probe.ts';
import { boxTruth, type ObjectTruth, objectTruths } from './scene-clips.ts';

/** Frames of a clip that are looked at. */
const FRAMES = [6, 20, 36, 52] as const;
/** Validation clips that are looked at: two of each class of the usual corpus. */
const CLIPS = 72;
/** Of a map's cells, every so many go into the fit: neighbours say the same. */
const EVERY_CELL = 7;

interface Looked {
  /** Evidence with the clip's own sound, with another's, and with none that has a source. */
  evidence: { own: number; others: number[] };
  /** Logits and truth of each frame with its own sound, `[side * side]`. */
  frames: { logits: Float32Array; truth: Float32Array }[];
}

export interface CalibrationOptions {
  corpus: string;
  frontEnds: FrontEnds;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** @throws EarshotError `not_enough_data` with fewer than ten validation clips, `file_not_found` without a corpus */
export async function calibrateLocalization(
  probe: HeadProbe,
  options: CalibrationOptions,
): Promise<LocalizationCalibration> {
  const entries = (await readManifest(options.corpus, 'validation')).slice(0, CLIPS);
  if (entries.length < 10) {
    const message = 'A calibration of maps needs at least ten validation clips.';
    throw new EarshotError('not_enough_data', message, { subject: options.corpus });
  }
  const looked: Looked[] = [];
  // Classes take turns, so the clip before is of another class.
  let before = await probe.media(path.join(options.corpus, entries.at(-1)?.file ?? ''), options.signal);
  for (const [i, entry] of entries.entries()) {
    if (options.signal?.aborted) throw new EarshotError('cancelled', 'The calibration was stopped.');
    const media = await probe.media(path.join(options.corpus, entry.file), options.signal);
    looked.push(await look(probe, entry, media, before.samples, i, options));
    before = media;
    options.onProgress?.(i + 1, entries.length);
  }
  return fitCalibration(looked);
}

async function look(
  probe: HeadProbe,
  entry: ManifestEntry,
  { block, samples: own }: ClipMedia,
  foreign: Float32Array,
  index: number,
  { corpus, frontEnds }: CalibrationOptions,
): Promise<Looked> {
  const truth = await readGroundTruth(corpus, entry);
  const times = FRAMES.map((frame) => frame / frontEnds.video.rateHz);
  const object = truth.sources[0]?.object ?? 0;
  const [truths = []] = await objectTruths(corpus, entry, truth, [object], times);
  const chosen = FRAMES.filter((frame) => frame < block.count);
  const empty = ambience(index, 'validation', own.length, frontEnds.audio.sampleRateHz);
  const side = mapSide(frontEnds.video);
  const cells = side * side;
  const logits = await probe.logits(block, own, chosen);
  const others = [await probe.logits(block, foreign, chosen), await probe.logits(block, empty, chosen)];
  return {
    evidence: {
      own: soundingEvidence(logits, cells),
      others: others.map((each) => soundingEvidence(each, cells)),
    },
    frames: chosen.map((_, i) => ({
      logits: logits.slice(i * cells, (i + 1) * cells),
      truth: boxTruth(truths[i] as ObjectTruth, side),
    })),
  };
}

function fitCalibration(looked: readonly Looked[]): LocalizationCalibration {
  const frames = looked.flatMap((clip) => clip.frames);
  const logits: number[] = [];
  const labels: boolean[] = [];
  for (const frame of frames) {
    for (let i = 0; i < frame.logits.length; i += EVERY_CELL) {
      logits.push(frame.logits[i] as number);
      labels.push(frame.truth[i] === 1);
    }
  }
  const map = fitPlatt(logits, labels);
  const own = looked.map(({ evidence }) => evidence.own);
  const others = looked.flatMap(({ evidence }) => evidence.others);
  const confidence = fitPlatt([...own, ...others], [...own.map(() => true), ...others.map(() => false)]);
  const probabilities = (evidence: readonly number[]) =>
    evidence.map((value) => plattProbability(confidence, value));
  return {
    map,
    mapThreshold: bestMapThreshold(
      frames.map(({ logits, truth }) => ({
        map: logits.map((logit) => plattProbability(map, logit)),
        truth,
      })),
    ),
    confidence,
    threshold: bestThreshold(probabilities(own), probabilities(others)),
  };
}

/** The one under which maps agree best with the boxes. */
function bestMapThreshold(frames: readonly { map: Float32Array; truth: Float32Array }[]): number {
  const thresholds = Array.from({ length: 37 }, (_, i) => 0.05 + 0.025 * i);
  const agreement = (value: number) =>
    frames.reduce((sum, { map, truth }) => sum + consensusIou(map, truth, { kind: 'absolute', value }), 0);
  return Number(highest(thresholds, agreement).toFixed(3));
}

/** The one that finds as many as it can and takes as few others for them (Youden's index). */
function bestThreshold(own: readonly number[], others: readonly number[]): number {
  const part = (values: readonly number[], threshold: number) =>
    values.filter((value) => value >= threshold).length / values.length;
  const thresholds = Array.from({ length: 181 }, (_, i) => 0.05 + 0.005 * i);
  const index = (threshold: number) => part(own, threshold) - part(others, threshold);
  return Number(highest(thresholds, index).toFixed(3));
}

function highest(candidates: readonly number[], score: (value: number) => number): number {
  const scores = candidates.map(score);
  return candidates[scores.indexOf(Math.max(...scores))] as number;
}
