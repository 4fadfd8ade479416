/**
 * A deterministic stand-in for a trained model: a tone of pitch p and a picture of brightness p meet in one point
 * of the space, so that tests know which sound belongs to which picture. Loaded by path inside the worker threads.
 */
import type { EmbeddingModel, FrameBlock, LocalizationRequest } from '#model/embedding-model';
import type {
  SynchronizationAnswer,
  SynchronizationScene,
} from '#model/synchronization/check-synchronization';
import { offsetVerdict } from '#model/synchronization/verdict';

export const FAKE_IDENTITY = { id: 'fake', version: '1', dimension: 8 };

const SPECS = {
  identity: FAKE_IDENTITY,
  segments: { lengthSec: 2, hopSec: 1 },
  audioInput: { sampleRateHz: 8000 },
  videoInput: { rateHz: 4, width: 16, height: 16, fit: 'stretch' as const },
};

const LOWEST_HZ = 100;
const HIGHEST_HZ = 3200;

/** Pitch of the tone that belongs to brightness `p` in [0, 1]. */
export function toneHz(p: number): number {
  return LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** p;
}

const UNCHANGED = { slope: 1, intercept: 0 };
const CALIBRATION = {
  localization: { map: UNCHANGED, confidence: UNCHANGED, mapThreshold: 0.5, threshold: 0.5 },
  grouping: { map: UNCHANGED, source: UNCHANGED, mapThreshold: 0.5, threshold: 0.5 },
};

export function readModelInfo(_folder: string) {
  return Promise.resolve({ ...SPECS, calibration: CALIBRATION, description: 'test model' });
}

export function loadEmbeddingModel(folder: string): Promise<EmbeddingModel> {
  if (folder.includes('broken')) throw new Error('weights are missing');
  return Promise.resolve({
    ...SPECS,
    embedAudio: async (waveforms) => {
      if (folder.includes('endless')) await new Promise(() => undefined);
      if (folder.includes('slow')) await new Promise((resolve) => setTimeout(resolve, 300));
      return waveforms.map((waveform) => bump(pitchPosition(waveform)));
    },
    embedVideo: (blocks) => Promise.resolve(blocks.map((block) => bump(brightness(block)))),
    checkSynchronization: (scene) => Promise.resolve(flashAgainstTone(scene)),
    localize: (request) => Promise.resolve(whereItIsBright(request)),
    localizeSources: (request) => Promise.resolve(whatColourItHas(request)),
    dispose: () => undefined,
  });
}

/** The picture flashes up as the sound begins; there is nothing to go by where one of the two doesn't happen. */
function flashAgainstTone({
  samples,
  luma,
  count,
  soundStart = 0,
}: SynchronizationScene): SynchronizationAnswer {
  const pixels = luma.length / count;
  const loud = samples.findIndex((sample) => Math.abs(sample) > 0.05);
  const lit = luma.findIndex((value) => value > 0.5);
  if (loud < 0 || lit < 0) {
    const verdict = 'not_synchronizable' as const;
    return { offsetSec: null, confidence: 0, synchronizability: 0, verdict, curve: [] };
  }
  const offsetSec = Math.floor(lit / pixels) / 12.5 - loud / 16_000 - 0.04 * soundStart;
  const curve = [-1, 0, 1].map((step) => ({ offsetSec: step, probability: step === 0 ? 0.8 : 0.1 }));
  return { offsetSec, confidence: 0.9, synchronizability: 1, verdict: offsetVerdict(offsetSec), curve };
}

/** Sound comes from what is bright; silence from nowhere. */
function whereItIsBright({ waveform, block, frames }: LocalizationRequest) {
  const side = SPECS.videoInput.width;
  const silent = waveform.every((sample) => Math.abs(sample) < 1e-3);
  const maps = frames.map((frame) =>
    Float32Array.from({ length: side * side }, (_, cell) => {
      const value = block.data[(frame * side * side + cell) * 3] as number;
      return silent || value < 128 ? 0 : value / 255;
    }),
  );
  const brightest = Math.max(...maps.flatMap((map) => [...map]));
  return { side, maps, confidence: brightest };
}

const COLOURS = ['red', 'green', 'blue'];

/** The sources are the coloured places, each by the name of its colour; grey has none. */
function whatColourItHas({ waveform, block, frames }: LocalizationRequest) {
  const side = SPECS.videoInput.width;
  const silent = waveform.every((sample) => Math.abs(sample) < 1e-3);
  const maps = frames.map((frame) =>
    COLOURS.map((_, channel) =>
      Float32Array.from({ length: side * side }, (_, cell) => {
        const at = (frame * side * side + cell) * 3;
        const [own = 0, ...others] = [0, 1, 2].map((i) => block.data[at + ((channel + i) % 3)] as number);
        return silent || own < 128 || Math.max(...others) > 100 ? 0 : own / 255;
      }),
    ),
  );
  const probabilities = Float32Array.from(COLOURS, (_, channel) =>
    Math.max(...maps.flatMap((classes) => [...(classes[channel] as Float32Array)])),
  );
  return { labels: COLOURS, side, probabilities, maps };
}

function pitchPosition(waveform: Float32Array): number {
  let crossings = 0;
  for (let i = 1; i < waveform.length; i++) {
    if ((waveform[i - 1] as number) < 0 && (waveform[i] as number) >= 0) crossings += 1;
  }
  const hz = (crossings * SPECS.audioInput.sampleRateHz) / waveform.length;
  return Math.log(Math.max(hz, LOWEST_HZ) / LOWEST_HZ) / Math.log(HIGHEST_HZ / LOWEST_HZ);
}

function brightness(block: FrameBlock): number {
  let sum = 0;
  for (const value of block.data) sum += value;
  return sum / block.data.length / 255;
}

/** A unit vector that is near the vectors of near positions. */
export function bump(position: number): Float32Array {
  const vector = Float32Array.from({ length: FAKE_IDENTITY.dimension }, (_, i) => {
    const centre = i / (FAKE_IDENTITY.dimension - 1);
    return Math.exp(-(((position - centre) / 0.25) ** 2));
  });
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}
