/**
 * From cosines to probabilities over labels, and to the verdict "unknown": a temperature and a threshold each for
 * sound, picture, both, and for a picture with the labels' sounds, fitted on few-shot episodes of labelled clips that the model did not learn from.
 *
 * @see Guo et al. 2017, "On calibration of modern neural networks" (temperature); Youden 1950, "Index for rating
 *   diagnostic tests" (threshold)
 */
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import type { ClassificationCalibration, FusionGate } from '../checkpoint/manifest.ts';
import { labelCosines, type SceneCosines, sceneCosines, sideOf } from '../network/label-cosines.ts';
import { uncalibrated, weighStreams } from '../network/scene.ts';
import { drawEpisode, type Episode, type LabelledScene } from './few-shot.ts';

/** Users give a few examples or many: each number of them has as many episodes as the others. */
const EXAMPLES_PER_LABEL = [1, 3, 10];
const EPISODES_EACH = 8;
/** Half of the labels are strangers where the threshold is fitted. */
const KNOWN_PART = 0.5;

interface Case {
  cosines: SceneCosines;
  /** Of the picture with the labels' sounds. */
  expected: Float64Array | null;
  /** Of the right label; -1 for a stranger. */
  target: number;
}

/**
 * @param scenes  embeddings of clips with both streams and of several labels, unit length
 * @param options `gate`: fuses sound and picture from now on, learned on other clips
 * @throws EarshotError `not_enough_data` where no label has two clips, or only one label has
 */
export function fitClassification(
  scenes: readonly LabelledScene[],
  { seed = 1, gate }: { seed?: number; gate?: FusionGate } = {},
): ClassificationCalibration {
  const random = new SeededRandom(seed);
  const known = drawCases(scenes, 1, gate, random).filter(({ target }) => target >= 0);
  const mixed = drawCases(scenes, KNOWN_PART, gate, random);
  if (known.length === 0) {
    const message = 'A calibration of classification needs two clips or more of at least two labels.';
    throw new EarshotError('not_enough_data', message, { subject: 'scenes' });
  }
  const plain = uncalibrated(1);
  const single = (cosines: (entry: Case) => Float64Array | null) => {
    const values = (entry: Case) => cosines(entry) ?? lackingStream();
    const scale = fitScale(known.map((entry) => ({ logits: values(entry), target: entry.target })));
    const alone = (entry: Case) => ({ audio: values(entry), video: null, fused: null });
    const calibrated = { ...plain, audio: { scale, threshold: 0 } };
    return { scale, threshold: fitThreshold(mixed, alone, calibrated) / scale };
  };
  const streams = {
    ...plain,
    audio: single(({ cosines }) => cosines.audio),
    video: single(({ cosines }) => cosines.video),
    expected: single(({ expected }) => expected),
  };
  if (gate) {
    const fused = { ...single(({ cosines }) => cosines.fused), gate };
    return rounded({ ...streams, fused });
  }
  const fusedLogits = known.map(({ cosines, target }) => ({
    logits: weighStreams(cosines, streams).logits,
    target,
  }));
  const fused = {
    scale: fitScale(fusedLogits),
    threshold: fitThreshold(mixed, ({ cosines }) => cosines, streams),
  };
  return rounded({ ...streams, fused });
}

function lackingStream(): never {
  const message = 'A clip has no sound or no picture: a calibration of classification needs both.';
  throw new EarshotError('not_enough_data', message, { subject: 'scenes' });
}

function drawCases(
  scenes: readonly LabelledScene[],
  knownPart: number,
  gate: FusionGate | undefined,
  random: SeededRandom,
): Case[] {
  return EXAMPLES_PER_LABEL.flatMap((examples) =>
    Array.from({ length: EPISODES_EACH }, () => drawEpisode(scenes, examples, knownPart, random)),
  ).flatMap((episode) => (episode ? casesOf(scenes, episode, gate) : []));
}

function casesOf(
  scenes: readonly LabelledScene[],
  { labels, prototypes, queries }: Episode,
  gate: FusionGate | undefined,
): Case[] {
  return queries.map((index) => {
    const scene = scenes[index] as LabelledScene;
    const expected = scene.video
      ? labelCosines(scene.video, labels, prototypes, (prototype) => sideOf(prototype, 'audio'))
      : null;
    const cosines = sceneCosines(scene, labels, prototypes, gate);
    return { cosines, expected, target: labels.indexOf(scene.label) };
  });
}

/** The inverse temperature of greatest likelihood; the loss is convex in it, so golden sections find it. */
function fitScale(cases: readonly { logits: Float64Array; target: number }[]): number {
  const loss = (logScale: number) => {
    const scale = Math.exp(logScale);
    return cases.reduce((sum, { logits, target }) => sum + crossEntropy(logits, target, scale), 0);
  };
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(0.05), Math.log(500)];
  let [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [leftLoss, rightLoss] = [loss(left), loss(right)];
  while (high - low > 1e-4) {
    if (leftLoss <= rightLoss) {
      [high, right, rightLoss] = [right, left, leftLoss];
      left = high - ratio * (high - low);
      leftLoss = loss(left);
    } else {
      [low, left, leftLoss] = [left, right, rightLoss];
      right = low + ratio * (high - low);
      rightLoss = loss(right);
    }
  }
  return Math.exp((low + high) / 2);
}

/** Minus the logarithm of the target's softmax probability. */
function crossEntropy(logits: Float64Array, target: number, scale: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) highest = Math.max(highest, logit);
  let total = 0;
  for (const logit of logits) total += Math.exp(scale * (logit - highest));
  return Math.log(total) - scale * ((logits[target] as number) - highest);
}

/** The nearness above which known scenes and below which strangers are told best: Youden's index. */
function fitThreshold(
  cases: readonly Case[],
  streamsOf: (entry: Case) => SceneCosines,
  calibration: ClassificationCalibration,
): number {
  const scored = cases
    .map((entry) => ({ score: nearnessOf(streamsOf(entry), calibration), known: entry.target >= 0 }))
    .sort((a, b) => a.score - b.score);
  const known = scored.filter((entry) => entry.known).length;
  const strangers = scored.length - known;
  // Without strangers nothing says what is far: only what is farther than all known is.
  let best = { index: 0, value: 0 };
  let [knownBelow, strangersBelow] = [0, 0];
  scored.forEach((entry, i) => {
    const value = strangersBelow / Math.max(1, strangers) - knownBelow / Math.max(1, known);
    const isStep = i === 0 || (scored[i - 1]?.score as number) < entry.score;
    if (isStep && value > best.value) best = { index: i, value };
    if (entry.known) knownBelow += 1;
    else strangersBelow += 1;
  });
  const above = scored[best.index]?.score ?? 0;
  const below = scored[best.index - 1]?.score ?? above;
  return (above + below) / 2;
}

/** Of the most probable label, as the verdict takes it. */
function nearnessOf(streams: SceneCosines, calibration: ClassificationCalibration): number {
  const { logits, nearness } = weighStreams(streams, calibration);
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i;
  return nearness[best] as number;
}

function rounded(calibration: ClassificationCalibration): ClassificationCalibration {
  const round = (value: number) => Number(value.toFixed(5));
  const stream = ({ scale, threshold }: { scale: number; threshold: number | null }) => ({
    scale: round(scale),
    threshold: threshold === null ? null : round(threshold),
  });
  const { audio, video, expected, fused } = calibration;
  return {
    ...{ audio: stream(audio), video: stream(video), expected: stream(expected) },
    fused: { ...stream(fused), ...(fused.gate && { gate: fused.gate }) },
  };
}
