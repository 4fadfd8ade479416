/**
 * The network as a library: sounds and pictures as arrays in, answers out. It runs on TensorFlow.js, for training and
 * as the reference; a catalog serves the same weights through `EmbeddingModel`.
 */
import { correspondenceProbability } from '../calibration/correspondence.ts';
import { fitPlatt, type PlattCalibration } from '../calibration/platt.ts';
import { readTwoTowerManifest, readWeights } from '../checkpoint/checkpoint.ts';
import type { ModelManifest } from '../checkpoint/manifest.ts';
import { readSynchronization } from '../checkpoint/synchronization.ts';
import { readHeadWeights } from '../checkpoint/tower-heads.ts';
import { loadEngine } from '../engine/engine.ts';
import { motionRhythm } from '../front-ends/motion-rhythm.ts';
import type { NamedArray } from '../layers/parameters.ts';
import { GROUPING_ARRAYS } from '../localization/tensorflow-source-localizer.ts';
import type { SynchronizationAnswer } from '../synchronization/check-synchronization.ts';
import type { LearnResult } from '../training/learn-options.ts';
import { dot } from './dot.ts';
import { type Expectation, expectationSentence, expectedSounds } from './expected-audio.ts';
import {
  type Clip,
  checkClips,
  checkFrames,
  checkPositive,
  checkRate,
  checkVector,
  checkWaveform,
  refuse,
  type VideoFrames,
  type Waveform,
} from './inputs.ts';
import type { LabelPrototypes } from './label-cosines.ts';
import { type LearnOptions, learnFromClips } from './learning.ts';
import {
  checkWanted,
  localizeClip,
  localizeSourcesOfClip,
  type SoundSourceLocalization,
  type SourcesLocalization,
} from './localization.ts';
import type { LearningOptions, NetworkOptions } from './options.ts';
import { PairTrainer, type PairTrainerState } from './pair-trainer.ts';
import { type Match, nearest } from './retrieval.ts';
import { classifyByPrototype, type SceneClassification, uncalibrated } from './scene.ts';
import { decodeModel } from './serialization.ts';
import { notTrained, StoredNetwork } from './stored-network.ts';
import { checkScene, unpackedSynchronization } from './synchronization.ts';

export interface Correspondence {
  /** Cosine of the two embeddings, -1..1. */
  score: number;
  /** That the two belong together, 0..1; null as long as the model has no calibration. */
  probability: number | null;
}

export interface Prediction extends Correspondence {
  audioEmbedding: Float32Array;
  visualEmbedding: Float32Array;
}

export interface InputGradients {
  score: number;
  /** `[samples]`: change of the score for a change of each sample. */
  samples: Float32Array;
  /** `[count, height, width, 3]`: change of the score for a change of each pixel, for pixels in 0..1. */
  pixels: Float32Array;
}

/** A query for retrieval: the media, or the embedding that a network of these weights gave for it. */
export type Query<Media> = Media | { embedding: Float32Array };

export interface LocalizationOptions {
  /** In which frames; all of them unless told. */
  frames?: readonly number[];
  /** Another sound to look for in this one; all that is heard unless told. */
  query?: Query<Waveform>;
}

/** How the names of the localization head's arrays begin. */
const LOCALIZATION_ARRAYS = 'localization/';
const DEFAULT_TOP_K = 10;
const STEP_LEARNING_RATE = { adamw: 1e-4, sgd: 1e-2 } as const;

export class AudioVisualCorrespondenceNetwork extends StoredNetwork {
  /** A network with random weights. */
  static async create(options: NetworkOptions = {}): Promise<AudioVisualCorrespondenceNetwork> {
    return new AudioVisualCorrespondenceNetwork(await loadEngine(), options);
  }

  /**
   * A trained model.
   *
   * @throws EarshotError `model_not_found`, `model_invalid` or `checkpoint_invalid`
   */
  static async fromFolder(
    folder: string,
    learning: LearningOptions = {},
  ): Promise<AudioVisualCorrespondenceNetwork> {
    const manifest = await readTwoTowerManifest(folder);
    const head = (await readHeadWeights(folder, manifest, 'localization')) ?? [];
    const grouping = (await readHeadWeights(folder, manifest, 'grouping')) ?? [];
    const arrays = [...(await readWeights(folder, manifest)), ...head, ...grouping];
    const made = await AudioVisualCorrespondenceNetwork.#of(manifest, arrays, learning);
    made.synchronization = await readSynchronization(folder, manifest);
    return made;
  }

  /**
   * What `serialize` wrote, with the same numbers to the bit.
   *
   * @throws EarshotError `checkpoint_invalid` for damaged bytes, `model_invalid` for a bad description
   */
  static async deserialize(
    bytes: Uint8Array,
    learning: LearningOptions = {},
  ): Promise<AudioVisualCorrespondenceNetwork> {
    const { manifest, arrays } = decodeModel(bytes);
    const made = await AudioVisualCorrespondenceNetwork.#of(manifest, arrays, learning);
    made.synchronization = unpackedSynchronization(arrays, manifest);
    return made;
  }

  static async #of(
    { format: _format, weights: _weights, ...manifest }: ModelManifest,
    arrays: readonly NamedArray[],
    learning: LearningOptions,
  ): Promise<AudioVisualCorrespondenceNetwork> {
    const made = new AudioVisualCorrespondenceNetwork(await loadEngine(), learning, manifest);
    try {
      made.network.store.restore(arrays);
      if (manifest.heads?.localization) {
        made.localizationArrays = arrays.filter(({ name }) => name.startsWith(LOCALIZATION_ARRAYS));
        made.localization('fromFolder');
      }
      if (manifest.heads?.grouping) {
        made.groupingArrays = arrays.filter(({ name }) => name.startsWith(`${GROUPING_ARRAYS}/`));
        made.sourceLocalization('fromFolder');
      }
    } catch (error) {
      made.dispose();
      throw error;
    }
    return made;
  }

  /**
   * @param waveform     mono `[samples]`; several segments are embedded one by one and averaged
   * @param sampleRateHz of the waveform; another than the model's is an error
   * @returns `[dimension]`, unit length
   * @throws EarshotError `invalid_argument` or `too_short`, naming the argument
   */
  getAudioEmbedding(waveform: Waveform, sampleRateHz?: number): Float32Array {
    const { audio } = this.manifest.frontEnds;
    if (sampleRateHz !== undefined) checkRate(sampleRateHz, audio.sampleRateHz, 'sampleRateHz');
    return this.passes.embedAudio(checkWaveform(waveform, audio)).embedding;
  }

  /**
   * @param frames several segments are embedded one by one and averaged
   * @returns `[dimension]`, unit length
   * @throws EarshotError `invalid_argument` or `shape_mismatch`, naming the argument
   */
  getVisualEmbedding(frames: VideoFrames): Float32Array {
    return this.passes.embedVideo(checkFrames(frames, this.manifest.frontEnds.video)).embedding;
  }

  /** Both embeddings and how well they go together. */
  predict(waveform: Waveform, frames: VideoFrames): Prediction {
    const audioEmbedding = this.getAudioEmbedding(waveform);
    const visualEmbedding = this.getVisualEmbedding(frames);
    const score = Math.max(-1, Math.min(1, dot(audioEmbedding, visualEmbedding)));
    const calibration = this.manifest.calibration?.correspondence;
    const probability = calibration ? correspondenceProbability(calibration, audioEmbedding, score) : null;
    return { audioEmbedding, visualEmbedding, score, probability };
  }

  /** How well a sound and a picture go together. */
  computeCorrespondence(waveform: Waveform, frames: VideoFrames): Correspondence {
    const { score, probability } = this.predict(waveform, frames);
    return { score, probability };
  }

  /**
   * That a sound and a picture belong together, 0..1.
   *
   * @throws EarshotError `not_trained` as long as the model has no calibration
   */
  correspondenceProbability(waveform: Waveform, frames: VideoFrames): number {
    const { probability } = this.predict(waveform, frames);
    if (probability === null)
      throw notTrained('correspondenceProbability', 'its scores have not been calibrated');
    return probability;
  }

  /**
   * Fits the calibration on clips that the model did not learn from: each sound with its own picture and with another
   * clip's. It becomes part of the model.
   *
   * @throws EarshotError `not_enough_data` with fewer than two clips
   */
  calibrateCorrespondence(clips: readonly Clip[]): PlattCalibration {
    const checked = checkClips(clips, this.manifest.frontEnds);
    if (checked.length < 2)
      throw refuse(
        'not_enough_data',
        'clips',
        'A calibration needs at least 2 clips: 20 or more are better.',
      );
    const audio = checked.map(({ samples }) => this.passes.embedAudio(samples).embedding);
    const video = checked.map(({ frames }) => this.passes.embedVideo(frames).embedding);
    const scoresWith = (shift: number) =>
      audio.map((vector, i) => dot(vector, video[(i + shift) % video.length] as Float32Array));
    const [matches, mismatches] = [scoresWith(0), scoresWith(1)];
    const labels = [...matches.map(() => true), ...mismatches.map(() => false)];
    const correspondence = fitPlatt([...matches, ...mismatches], labels);
    this.manifest = {
      ...this.manifest,
      calibration: { ...this.manifest.calibration, correspondence },
    };
    return correspondence;
  }

  /**
   * Sounds for a picture.
   *
   * @param database audio embeddings; only their direction counts
   * @returns best first, equal scores by index
   */
  retrieveAudioFromVisuals(
    query: Query<VideoFrames>,
    database: readonly Float32Array[],
    topK = DEFAULT_TOP_K,
  ): Match[] {
    const vector = isEmbedded(query)
      ? checkVector(query.embedding, this.manifest.dimension, 'query.embedding')
      : this.getVisualEmbedding(query);
    return nearest(vector, database, topK);
  }

  /**
   * Pictures for a sound.
   *
   * @param database visual embeddings; only their direction counts
   * @returns best first, equal scores by index
   */
  retrieveVisualsFromAudio(
    query: Query<Waveform>,
    database: readonly Float32Array[],
    topK = DEFAULT_TOP_K,
  ): Match[] {
    const vector = isEmbedded(query)
      ? checkVector(query.embedding, this.manifest.dimension, 'query.embedding')
      : this.getAudioEmbedding(query);
    return nearest(vector, database, topK);
  }

  /**
   * Learns which sounds and pictures belong together. The weights change when the run has ended; a run that fails or
   * is stopped leaves them as they were.
   *
   * @param clips at least a batch of them; a step sees one segment of each
   * @throws EarshotError `not_enough_data`, `invalid_argument`, `training_diverged`, `cancelled`
   */
  async learnCorrespondence(clips: readonly Clip[], options: LearnOptions = {}): Promise<LearnResult> {
    const { frontEnds } = this.manifest;
    const checked = checkClips(clips, frontEnds);
    const validation = options.validation ? checkClips(options.validation, frontEnds, 'validation') : null;
    const own = { ...this.learning, ...options };
    const result = await learnFromClips(this.network, this.manifest, checked, validation, own);
    this.lastLoss = result.lastLoss;
    this.trainer = null;
    this.weightsChanged();
    return result;
  }

  /**
   * One step on a pair, or on a few. Other pairs of the step and of earlier steps are the wrong answers; a first pair
   * alone is told from noise. Of a clip longer than a segment, its middle is learned.
   *
   * @returns the loss before the step, which `lastLoss` then holds
   * @throws EarshotError `training_diverged`, or what a bad clip gives
   */
  train(clips: Clip | readonly Clip[], options: { learningRate?: number } = {}): number {
    const list = Array.isArray(clips) ? (clips as readonly Clip[]) : [clips as Clip];
    const checked = checkClips(list, this.manifest.frontEnds);
    if (checked.length === 0) throw refuse('not_enough_data', 'clips', 'clips is empty: give at least one.');
    const optimizer = this.optimizer;
    const rate = checkPositive(options.learningRate ?? STEP_LEARNING_RATE[optimizer], 'learningRate');
    this.trainer ??= new PairTrainer(this.network, this.manifest, optimizer);
    const loss = this.trainer.step(checked, rate);
    this.lastLoss = loss;
    this.weightsChanged();
    return loss;
  }

  /** Saliency: how the score of a sound and a picture changes with each sample and each pixel. */
  inputGradients(waveform: Waveform, frames: VideoFrames): InputGradients {
    const { audio, video } = this.manifest.frontEnds;
    const samples = checkWaveform(waveform, audio);
    checkFrames(frames, video);
    const sound = this.passes.embedAudio(samples);
    const picture = this.passes.embedVideo(frames);
    return {
      score: dot(sound.embedding, picture.embedding),
      samples: this.passes.audioGradient(samples, sound, picture.embedding),
      pixels: this.passes.videoGradient(frames, picture, sound.embedding),
    };
  }

  /**
   * Which of the labels given the scene belongs to, from what is heard, what is seen, and both.
   *
   * @param waveform   or null for a scene without sound
   * @param frames     or null for a scene without picture
   * @param labels     at least one, none twice; their order decides nothing
   * @param prototypes for each label an embedding of sounds, of pictures, or of both
   * @returns probabilities in the order of the labels; a verdict that is a label, or `unknown` where nothing is near
   * @throws EarshotError `not_trained` without prototypes, `invalid_argument` naming a label without one,
   *   `modality_missing` with neither sound nor picture
   */
  classifyScene(
    waveform: Waveform | null,
    frames: VideoFrames | null,
    labels: readonly string[],
    prototypes?: LabelPrototypes,
  ): SceneClassification {
    const scene = {
      audio: waveform && this.getAudioEmbedding(waveform),
      video: frames && this.getVisualEmbedding(frames),
    };
    const scale = Math.exp(this.network.logScale.dataSync()[0] as number);
    const calibration = this.manifest.calibration?.classification ?? uncalibrated(scale);
    return classifyByPrototype(scene, labels, prototypes, calibration);
  }

  /**
   * Where in the picture the sound comes from: a map for each frame, on an absolute scale, with one verdict. Silence,
   * noise and a sound that nothing in the picture makes come back as not sounding.
   *
   * @param waveform mono; where it ends before the picture does, silence follows
   * @throws EarshotError `not_trained` without a localization head; `invalid_argument`, `shape_mismatch` or `too_short`,
   *   naming the argument
   * @see Zhou et al. 2022, "Audio-visual segmentation"
   */
  localizeSoundSource(
    waveform: Waveform,
    frames: VideoFrames,
    options: LocalizationOptions = {},
  ): SoundSourceLocalization {
    const { frontEnds, segments: plan, dimension } = this.manifest;
    const head = this.localization('localizeSoundSource');
    const samples = checkWaveform(waveform, frontEnds.audio);
    checkFrames(frames, frontEnds.video);
    const { query } = options;
    const sound =
      query === undefined
        ? null
        : isEmbedded(query)
          ? checkVector(query.embedding, dimension, 'options.query.embedding')
          : this.getAudioEmbedding(query);
    return localizeClip(samples, frames, checkWanted(options.frames, frames.count), sound, {
      ...head,
      ...{ frontEnds, plan, synchronization: this.synchronization?.head ?? null },
      embedAudio: (heard) => this.passes.embedAudio(heard).embedding,
    });
  }

  /**
   * Which of the classes that the model knows sound in the picture, and where each does: a map for each frame and
   * source, on an absolute scale. How many sources there are is found, not given.
   *
   * @param waveform mono; where it ends before the picture does, silence follows
   * @throws EarshotError `not_trained` without a grouping head; `invalid_argument`, `shape_mismatch` or `too_short`,
   *   naming the argument
   * @see Mo & Tian 2023, "Audio-visual grouping network for sound localization from mixtures"
   */
  localizeSources(
    waveform: Waveform,
    frames: VideoFrames,
    options: Pick<LocalizationOptions, 'frames'> = {},
  ): SourcesLocalization {
    const { frontEnds, segments: plan } = this.manifest;
    const head = this.sourceLocalization('localizeSources');
    const samples = checkWaveform(waveform, frontEnds.audio);
    checkFrames(frames, frontEnds.video);
    const embedAudio = (heard: Float32Array) => this.passes.embedAudio(heard).embedding;
    return localizeSourcesOfClip(samples, frames, checkWanted(options.frames, frames.count), {
      ...head,
      ...{ frontEnds, plan, synchronization: this.synchronization?.head ?? null },
      all: this.localizationArrays && { ...this.localization('localizeSources'), embedAudio },
      audioSteps: (heard) => this.passes.audioSteps(heard),
    });
  }

  /** @throws EarshotError `not_trained`: no model has this head yet */
  separateAudioByVisual(_mixture: Waveform, _frames: VideoFrames): never {
    throw notTrained('separateAudioByVisual', 'it has no separation head');
  }

  /**
   * Offset between sound and picture, which begin at the same instant; the shorter one says how much is looked at.
   *
   * @returns offset in seconds (positive: audio ahead), with how sure it is and whether there is anything to go by
   * @throws EarshotError `not_trained` without a synchronisation head, `too_short` for under 1.2 s; `invalid_argument`
   *   or `shape_mismatch`, naming the argument
   */
  checkSynchronization(waveform: Waveform, frames: VideoFrames): SynchronizationAnswer {
    if (!this.synchronization) throw notTrained('checkSynchronization', 'it has no synchronization head');
    const { frontEnds } = this.manifest;
    const samples = checkWaveform(waveform, frontEnds.audio);
    checkFrames(frames, frontEnds.video);
    return checkScene(this.synchronization, samples, frames, frontEnds);
  }

  /**
   * What one would expect to hear of a picture: in a sentence, and what that rests on.
   *
   * @param known `prototypes`: for each label an embedding of its sounds; `clips`: titles of sounds with their embeddings
   * @throws EarshotError `not_trained` without prototypes
   */
  describeExpectedAudio(
    frames: VideoFrames,
    known?: {
      prototypes: Readonly<Record<string, Float32Array>>;
      clips?: readonly { title: string; embedding: Float32Array }[];
    },
  ): Expectation & { sentence: string } {
    if (!known)
      throw notTrained('describeExpectedAudio', 'it knows no sounds of its own; give prototypes of some');
    const video = this.getVisualEmbedding(frames);
    const scale = Math.exp(this.network.logScale.dataSync()[0] as number);
    const calibration = this.manifest.calibration?.classification ?? uncalibrated(scale);
    const clips = known.clips ?? [];
    const near =
      clips.length > 0
        ? nearest(
            video,
            clips.map(({ embedding }) => embedding),
            3,
          )
        : [];
    const { rateHz, width, height } = this.manifest.frontEnds.video;
    const expectation = {
      ...expectedSounds(video, known.prototypes, calibration),
      neighbours: near.map(({ index, score }) => ({ title: clips[index]?.title ?? '', score })),
      motion: motionRhythm(frames.data, { count: frames.count, width, height }, rateHz),
    };
    return { ...expectation, sentence: expectationSentence(expectation) };
  }

  /** A network that answers and learns on as this one does, and shares nothing with it. */
  clone(): AudioVisualCorrespondenceNetwork {
    const manifest = structuredClone(this.currentManifest());
    const copy = new AudioVisualCorrespondenceNetwork(this.network.engine, this.learning, manifest);
    copy.network.store.restore(this.getParameters());
    copy.synchronization = this.synchronization;
    copy.localizationArrays = copied(this.localizationArrays);
    copy.groupingArrays = copied(this.groupingArrays);
    copy.lastLoss = this.lastLoss;
    const state: PairTrainerState | undefined = this.trainer?.snapshot();
    if (state) copy.trainer = new PairTrainer(copy.network, manifest, this.optimizer, state);
    return copy;
  }
}

function copied(arrays: readonly NamedArray[] | null): NamedArray[] | null {
  return arrays?.map((array) => ({ ...array, data: array.data.slice() })) ?? null;
}

function isEmbedded<Media>(query: Query<Media>): query is { embedding: Float32Array } {
  return typeof query === 'object' && query !== null && 'embedding' in query;
}
