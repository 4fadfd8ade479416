/** Pairs of sound and picture that do and do not belong together, with what a model scores them. */
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import type { EmbeddingModel, FrameBlock } from '#model/embedding-model';
import { dot } from '#model/network/dot';
import { decodeBeginning } from '../decode-beginning.ts';
import type { EmbeddingProgress } from './embed-scenes.ts';
import type { LabelledFile } from './evaluate-model.ts';

/** Of every clip, windows of 4 s, half a second apart: each gives a pair. */
const PAIR_SEC = 4;
const PAIR_STARTS_SEC = [0, 0.48, 0.96];
/** Windows of 3 s leave room to take the sound from 2 s later. */
const SHIFTED_SEC = 3;
const SHIFT_SEC = 2;
const CLIP_SEC = 5;
const SEED = 1;

export interface ScoredSound {
  /** Unit vector. */
  audio: Float32Array;
  /** Its cosine with the picture. */
  score: number;
}

interface Pair extends ScoredSound {
  /** Of the picture; intervals are drawn over clips, not over their windows. */
  clip: number;
  isMatch: boolean;
}

export interface CorrespondenceScores {
  /** Matches and mismatches 1 : 1; of the mismatches, half are of two clips of one class. */
  pairs: Pair[];
  /** For every clip: its own sound, its own 2 s later, and the sound of a clip of another class. */
  ordered: { matching: number; shifted: number; mismatched: number }[];
  /** For every clip, its picture with silence and with noise. */
  silence: ScoredSound[];
  noise: ScoredSound[];
}

interface EmbeddedClip {
  label: string;
  audio: Float32Array[];
  video: Float32Array[];
  short: { audio: Float32Array; shifted: Float32Array; video: Float32Array };
}

/** @throws EarshotError `not_enough_data` where no two clips are of one class, or all are; `cancelled` */
export async function scorePairs(
  model: EmbeddingModel,
  clips: readonly LabelledFile[],
  { signal, onProgress }: EmbeddingProgress = {},
): Promise<CorrespondenceScores> {
  const embedded: EmbeddedClip[] = [];
  for (const [index, clip] of clips.entries()) {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
    embedded.push(await embedWindows(model, clip, signal));
    onProgress?.(index + 1, clips.length);
  }
  const random = new SeededRandom(`${SEED}:pairs`);
  const other = (clip: number, isSameClass: boolean) => {
    const { label } = embedded[clip] as EmbeddedClip;
    const others = embedded.flatMap((candidate, i) =>
      i !== clip && (candidate.label === label) === isSameClass ? [i] : [],
    );
    const drawn = others[random.integer(0, Math.max(1, others.length))];
    if (drawn === undefined) {
      const message = 'Two clips of every class and two classes are needed to tell pairs apart.';
      throw new EarshotError('not_enough_data', message);
    }
    return embedded[drawn] as EmbeddedClip;
  };
  const pairs = embedded.flatMap(({ audio, video }, clip) =>
    video.flatMap((picture, window) => {
      const mismatch = other(clip, (clip + window) % 2 === 0).audio[window] as Float32Array;
      return [
        { clip, ...scored(picture, audio[window] as Float32Array), isMatch: true },
        { clip, ...scored(picture, mismatch), isMatch: false },
      ];
    }),
  );
  const ordered = embedded.map(({ short }, clip) => ({
    matching: dot(short.video, short.audio),
    shifted: dot(short.video, short.shifted),
    mismatched: dot(short.video, other(clip, false).short.audio),
  }));
  const [silent] = await model.embedAudio([new Float32Array(samplesOf(model, PAIR_SEC))]);
  const noises = await model.embedAudio(embedded.map(() => noise(samplesOf(model, PAIR_SEC), random)));
  const pictures = embedded.map(({ video }) => video[0] as Float32Array);
  return {
    pairs,
    ordered,
    silence: pictures.map((picture) => scored(picture, silent as Float32Array)),
    noise: pictures.map((picture, i) => scored(picture, noises[i] as Float32Array)),
  };
}

function scored(picture: Float32Array, audio: Float32Array): ScoredSound {
  return { audio, score: dot(picture, audio) };
}

async function embedWindows(
  model: EmbeddingModel,
  { file, labels }: LabelledFile,
  signal: AbortSignal | undefined,
): Promise<EmbeddedClip> {
  const { audioInput, videoInput } = model;
  const wanted = { lengthSec: CLIP_SEC, video: videoInput, ...audioInput, signal };
  const { block, samples } = await decodeBeginning(file, wanted);
  const frameBytes = videoInput.width * videoInput.height * 3;
  const sound = (startSec: number, lengthSec: number) =>
    samples.slice(samplesOf(model, startSec), samplesOf(model, startSec + lengthSec));
  const picture = (startSec: number, lengthSec: number): FrameBlock => {
    const [first, count] = [startSec, lengthSec].map((sec) => Math.round(sec * videoInput.rateHz));
    const from = (first as number) * frameBytes;
    return { data: block.data.slice(from, from + (count as number) * frameBytes), count: count as number };
  };
  const audio = await model.embedAudio([
    ...PAIR_STARTS_SEC.map((start) => sound(start, PAIR_SEC)),
    ...[0, SHIFT_SEC].map((start) => sound(start, SHIFTED_SEC)),
  ]);
  const video = await model.embedVideo([
    ...PAIR_STARTS_SEC.map((start) => picture(start, PAIR_SEC)),
    picture(0, SHIFTED_SEC),
  ]);
  const [own, shifted] = audio.splice(PAIR_STARTS_SEC.length) as [Float32Array, Float32Array];
  const [seen] = video.splice(PAIR_STARTS_SEC.length) as [Float32Array];
  return { label: labels[0] ?? '', audio, video, short: { audio: own, shifted, video: seen } };
}

function samplesOf({ audioInput }: EmbeddingModel, sec: number): number {
  return Math.round(sec * audioInput.sampleRateHz);
}

/** White or, smoothed by a drawn pole, darker; -50 to -10 dB of full scale. */
function noise(count: number, random: SeededRandom): Float32Array {
  const pole = random.next() < 0.5 ? 0 : random.uniform(0.5, 0.98);
  const level = 10 ** (random.uniform(-50, -10) / 20) * Math.sqrt(1 - pole * pole);
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++)
    out[i] = pole * (i === 0 ? 0 : (out[i - 1] as number)) + level * random.normal();
  return out;
}
