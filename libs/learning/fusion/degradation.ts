/** Sounds under noise and pictures in the dark: what a fusion has to cope with, drawn at random or set. */
import { SeededRandom } from '#core/random';
import type { FrameBlock } from '#model/embedding-model';

/** What a scene has suffered. */
export interface Degradation {
  /** Energy of the noise over the sound's. */
  noiseToSignal: number;
  /** 0..1: 0 for white noise; the nearer to 1, the more of its energy lies low (a first-order low-pass). */
  noiseColour: number;
  /** What is left of the light, 0..1. */
  exposure: number;
  /** Deviation of the sensor's noise, in levels of 0..255. */
  sensorNoise: number;
}

/** What robustness is measured with: white noise of ten times the sound's energy, and a twentieth of the light. */
export const TESTED_DEGRADATION: Degradation = {
  noiseToSignal: 10,
  noiseColour: 0,
  exposure: 0.05,
  sensorNoise: 6,
};

/** From a fifth of the sound's energy to thirty times of it, of any colour; from a seventh of the light to none. */
export function drawDegradation(random: SeededRandom): Degradation {
  return {
    noiseToSignal: 10 ** random.uniform(-0.7, 1.5),
    noiseColour: random.pick([0, random.uniform(0, 0.98)]),
    exposure: random.uniform(0, 0.15),
    sensorNoise: random.uniform(0, 12),
  };
}

/** @param samples mono; a silent sound stays silent */
export function underNoise(samples: Float32Array, degradation: Degradation, seed: string): Float32Array {
  const random = new SeededRandom(`noise/${seed}`);
  const noise = new Float32Array(samples.length);
  let last = 0;
  for (let i = 0; i < noise.length; i++) {
    last = degradation.noiseColour * last + random.normal();
    noise[i] = last;
  }
  const gain = Math.sqrt((degradation.noiseToSignal * energyOf(samples)) / (energyOf(noise) || 1));
  return samples.map((value, i) => value + gain * (noise[i] as number));
}

/** RGB bytes as a camera gives them that has too little light. */
export function inTheDark({ data, count }: FrameBlock, degradation: Degradation, seed: string): FrameBlock {
  const random = new SeededRandom(`dark/${seed}`);
  const noise = Float32Array.from({ length: NOISE_VALUES }, () => degradation.sensorNoise * random.normal());
  // Drawing a value for each of a million bytes would take longer than the tower: each frame begins elsewhere.
  const frameBytes = data.length / Math.max(1, count);
  const dark = new Uint8Array(data.length);
  let at = 0;
  for (let i = 0; i < data.length; i++) {
    at = i % frameBytes === 0 ? random.integer(0, NOISE_VALUES) : at + 1;
    const value = degradation.exposure * (data[i] as number) + (noise[at % NOISE_VALUES] as number);
    dark[i] = Math.max(0, Math.min(255, Math.round(value)));
  }
  return { data: dark, count };
}

/** A prime, so that no width of a frame is a multiple of it. */
const NOISE_VALUES = 65_537;

function energyOf(samples: Float32Array): number {
  return samples.reduce((sum, value) => sum + value * value, 0);
}
