/** What one would expect to hear, put into a sentence: nothing is said that the evidence does not say. */
import type { ClassificationCalibration } from '../checkpoint/manifest.ts';
import type { MotionRhythm } from '../front-ends/motion-rhythm.ts';
import { classifyByPrototype, UNKNOWN } from './scene.ts';

/** A label whose sounds lie near the picture. */
interface ExpectedSound {
  label: string;
  /** Cosine of the picture and the label's sounds, -1..1. */
  score: number;
  /** Among the labels known, 0..1. */
  probability: number;
}

/** A sound that lies near the picture. */
interface NeighbouringSound {
  title: string;
  /** Cosine, -1..1. */
  score: number;
}

export type Loudness = 'silent' | 'quiet' | 'moderate' | 'loud';

export interface Expectation {
  /** Best first. */
  sounds: readonly ExpectedSound[];
  /** Whether the best of them is near at all. */
  isNear: boolean;
  /** Best first. */
  neighbours: readonly NeighbouringSound[];
  motion: MotionRhythm;
}

/**
 * The labels whose sounds lie near a picture, the most probable first.
 *
 * @param video       `[d]`
 * @param heard       an embedding of each label's sounds; at least one label
 * @throws EarshotError as `classifyByPrototype`
 */
export function expectedSounds(
  video: Float32Array,
  heard: Readonly<Record<string, Float32Array>>,
  calibration: ClassificationCalibration,
): Pick<Expectation, 'sounds' | 'isNear'> {
  // A picture meets sounds here, which lie farther from it than other pictures do.
  const expected = { ...calibration, video: calibration.expected };
  const found = classifyByPrototype({ video }, Object.keys(heard), heard, expected);
  const sounds = found.scores.map(({ label, probability }, i) => ({
    label,
    probability,
    score: found.cosines.video?.[i] ?? 0,
  }));
  // Probabilities that round to the same number still differ by their cosines.
  sounds.sort((a, b) => b.score - a.score || (a.label < b.label ? -1 : 1));
  return { sounds, isNear: found.verdict !== UNKNOWN };
}

/** Labels less probable than this are not worth a word. */
const WORTH_SAYING = 0.15;
const MAX_SOUNDS = 3;
const MAX_TITLES = 3;

/** Change of luma a second from which a picture counts as quiet, moderate and loud: about the thirds of the corpus. */
const LOUDNESS_STEPS: readonly (readonly [number, Loudness])[] = [
  [0.17, 'loud'],
  [0.08, 'moderate'],
  [0.002, 'quiet'],
];

/** How loud the motion suggests that it is: what moves more, and nearer, is louder. */
export function expectedLoudness({ motionPerSec }: MotionRhythm): Loudness {
  return LOUDNESS_STEPS.find(([least]) => motionPerSec >= least)?.[1] ?? 'silent';
}

/**
 * Such as: Probably dog (71 %), perhaps car (18 %); loud, with about 2.4 onsets a second; the nearest sounds are "dog 1"
 * and "kennel".
 */
export function expectationSentence(expectation: Expectation): string {
  const parts = [
    soundsClause(expectation),
    rhythmClause(expectation.motion),
    neighboursClause(expectation.neighbours),
  ].filter((part) => part !== null);
  const sentence = `${parts.join('; ')}.`;
  return `${sentence[0]?.toUpperCase()}${sentence.slice(1)}`;
}

function soundsClause({ sounds, isNear }: Expectation): string | null {
  const [best, ...others] = sounds;
  if (!best) return null;
  if (!isNear) return `nothing that the labels name is near, ${best.label} comes nearest`;
  const further = others
    .slice(0, MAX_SOUNDS - 1)
    .filter(({ probability }) => probability >= WORTH_SAYING)
    .map((sound) => `perhaps ${named(sound)}`);
  const sureness = best.probability >= 0.5 ? 'probably' : 'possibly';
  return [`${sureness} ${named(best)}`, ...further].join(', ');
}

function named({ label, probability }: ExpectedSound): string {
  return `${label} (${Math.round(100 * probability)} %)`;
}

function rhythmClause(motion: MotionRhythm): string {
  const loudness = expectedLoudness(motion);
  if (loudness === 'silent') return 'nothing moves, so nothing tells when or how loud it sounds';
  const { onsetsPerSec } = motion;
  if (onsetsPerSec < 0.3) return `${loudness}, with hardly an onset to be seen`;
  const rate = onsetsPerSec.toFixed(1);
  return `${loudness}, with about ${rate} ${rate === '1.0' ? 'onset' : 'onsets'} a second`;
}

function neighboursClause(neighbours: readonly NeighbouringSound[]): string | null {
  const titles = [...new Set(neighbours.map(({ title }) => `"${title}"`))].slice(0, MAX_TITLES);
  if (titles.length === 0) return null;
  const last = titles.pop() as string;
  const list = titles.length === 0 ? last : `${titles.join(', ')} and ${last}`;
  return titles.length === 0 ? `the nearest sound is ${list}` : `the nearest sounds are ${list}`;
}
