/** How a new network is shaped: few options with the reference design's defaults, and the manifest they give. */
import type { FrontEnds, ModelManifest } from '../checkpoint/manifest.ts';
import { YAMNET_LOG_MEL } from '../front-ends/log-mel.ts';
import { AUDIO_TIME_STRIDE } from '../towers/audio-tower.ts';
import { REFERENCE_TOWERS, type TwoTowerOptions } from '../towers/two-tower.ts';
import type { ObjectiveWeights } from '../training/objective.ts';
import { OPTIMIZERS, type OptimizerName } from '../training/optimizer.ts';
import { checkCount, checkPositive, refuse } from './inputs.ts';

/** How the network learns; it can be told for a loaded model as well. */
export interface LearningOptions {
  /** `adamw` unless told. */
  optimizer?: OptimizerName;
  /**
   * Weights of the loss terms beside symmetric InfoNCE, which always counts. Unless told: 0 for the class loss (no
   * labels are needed), 1 for localization and alignment where the towers have heads for them.
   */
  loss?: Partial<ObjectiveWeights>;
}

export interface NetworkOptions extends LearningOptions {
  /** Width of the shared space: 512 unless told. */
  embeddingDimension?: number;
  /** 16 000 unless told. */
  audioSampleRateHz?: number;
  /** Frames a second: 25 unless told. */
  videoFrameRate?: number;
  /** Transformer layers of each tower: 6 unless told. */
  numEncoderLayers?: number;
  /** Side of the square frames, in multiples of 48: 96 unless told. */
  frameSize?: number;
  /** Time that the towers see at once: 5 unless told. */
  segmentSec?: number;
  /** Of the first weights: 1 unless told. */
  seed?: number;
}

const DEFAULT_OPTIONS = {
  embeddingDimension: 512,
  audioSampleRateHz: 16_000,
  videoFrameRate: 25,
  numEncoderLayers: 6,
  frameSize: 96,
  segmentSec: 5,
  seed: 1,
  optimizer: 'adamw',
} as const satisfies NetworkOptions;

/** The manifest without what only a file of weights has. */
export type NetworkManifest = Omit<ModelManifest, 'weights' | 'format'>;

/** Colour frames a second; motion is seen in every frame. */
const COLOUR_RATE_HZ = 4;
const MOTION_SIZE = 48;
/** Of a mel band's upper end, as a part of the sampling rate. */
const HIGHEST_PART = 7500 / 16_000;

/** @throws EarshotError `invalid_argument` naming the option at fault */
export function manifestOf(options: NetworkOptions): NetworkManifest {
  const chosen = { ...DEFAULT_OPTIONS, ...options };
  checkCount(chosen.embeddingDimension, 'embeddingDimension', 2);
  checkCount(chosen.audioSampleRateHz, 'audioSampleRateHz', 1000);
  checkPositive(chosen.videoFrameRate, 'videoFrameRate');
  checkCount(chosen.numEncoderLayers, 'numEncoderLayers', 0);
  checkCount(chosen.seed, 'seed', 0);
  checkPositive(chosen.segmentSec, 'segmentSec');
  checkLearning(options);
  if (chosen.frameSize % MOTION_SIZE !== 0 || chosen.frameSize < MOTION_SIZE) {
    const message = `frameSize is ${chosen.frameSize}: a multiple of ${MOTION_SIZE} is needed.`;
    throw refuse('invalid_argument', 'frameSize', message);
  }
  const frontEnds = frontEndsOf(chosen);
  return {
    id: 'untrained',
    version: '0.1.0',
    description: 'Two towers with random weights.',
    dimension: chosen.embeddingDimension,
    segments: { lengthSec: chosen.segmentSec, hopSec: chosen.segmentSec / 2 },
    frontEnds,
    towers: { kind: 'two-tower', ...towersOf(chosen, frontEnds.audio.hopSec) },
    training: {},
  };
}

/** @throws EarshotError `invalid_argument` naming `optimizer` or the loss term */
export function checkLearning({ optimizer, loss }: LearningOptions): void {
  if (optimizer !== undefined && !OPTIMIZERS.includes(optimizer)) {
    const message = `optimizer is "${optimizer}": choose one of ${OPTIMIZERS.join(', ')}.`;
    throw refuse('invalid_argument', 'optimizer', message);
  }
  for (const [term, weight] of Object.entries(loss ?? {})) {
    if (!Number.isFinite(weight) || weight < 0)
      throw refuse('invalid_argument', `loss.${term}`, `loss.${term} is ${weight}: 0 or more is needed.`);
  }
}

type Chosen = Required<Omit<NetworkOptions, 'loss' | 'optimizer'>>;

function frontEndsOf({ audioSampleRateHz, videoFrameRate, frameSize, segmentSec }: Chosen): FrontEnds {
  const hopSec = audioHopSec(videoFrameRate, audioSampleRateHz);
  const { windowSec } = YAMNET_LOG_MEL;
  const wholeFrames = Math.floor((segmentSec - windowSec) / hopSec + 1e-9) + 1;
  const steps = Math.floor(wholeFrames / AUDIO_TIME_STRIDE);
  if (steps < 1) {
    const message = `segmentSec is ${segmentSec}: at least ${windowSec + AUDIO_TIME_STRIDE * hopSec} is needed.`;
    throw refuse('invalid_argument', 'segmentSec', message);
  }
  return {
    audio: {
      ...YAMNET_LOG_MEL,
      sampleRateHz: audioSampleRateHz,
      hopSec,
      highHz: Math.min(YAMNET_LOG_MEL.highHz, HIGHEST_PART * audioSampleRateHz),
      frames: steps * AUDIO_TIME_STRIDE,
      // Of music and speech at a usual level; a trained model brings its corpus' own.
      normalization: { mean: -2, deviation: 1.6 },
    },
    video: {
      rateHz: videoFrameRate,
      width: frameSize,
      height: frameSize,
      fit: 'stretch',
      colourEveryFrames: Math.max(1, Math.round(videoFrameRate / COLOUR_RATE_HZ)),
      normalization: { mean: [0.45, 0.45, 0.45], deviation: [0.25, 0.25, 0.25] },
    },
  };
}

/** One token of the audio tower for each video frame where that can be, so that the towers' steps align. */
function audioHopSec(videoFrameRate: number, sampleRateHz: number): number {
  const hopSec = 1 / (AUDIO_TIME_STRIDE * videoFrameRate);
  const whole = Math.abs(Math.round(hopSec * sampleRateHz) - hopSec * sampleRateHz) < 1e-6;
  const sensible = hopSec >= 0.0025 && hopSec <= YAMNET_LOG_MEL.windowSec / 2;
  return whole && sensible ? hopSec : YAMNET_LOG_MEL.hopSec;
}

function towersOf(chosen: Chosen, hopSec: number): TwoTowerOptions {
  const { embeddingDimension, numEncoderLayers, videoFrameRate } = chosen;
  const shared = { embeddingDimension, numEncoderLayers };
  const { audio, video } = REFERENCE_TOWERS;
  const aligned = Math.abs(hopSec * AUDIO_TIME_STRIDE * videoFrameRate - 1) < 1e-6;
  const alignment = { alignmentDimension: aligned ? audio.alignmentDimension : 0 };
  return {
    audio: { ...audio, ...shared, ...alignment, hopSec },
    video: { ...video, ...shared, ...alignment },
  };
}
