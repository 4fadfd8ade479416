/** Puts a dry sound into the place that is seen: early reflections, reverberation, a tilt of the spectrum, a level. */

import type { SeededRandom } from '#core/random';
import { PERFORMANCE_RATE_HZ } from '../performance.ts';
import type { Venue } from '../venue.ts';

export interface Room {
  /** Echoes after the direct sound, which itself is neither delayed nor scaled. */
  reflections: { delaySamples: number; gain: number }[];
  /** Time in which the reverberation falls by 60 dB; 0 outdoors. */
  reverbSec: number;
  /** Energy of the reverberation against that of the direct sound, dB. */
  reverbDb: number;
  /** 0 bright .. 1 dull: how much faster the high frequencies die. */
  damping: number;
  /** Gain of everything above about 1 kHz against everything below. */
  tiltDb: number;
  /** Peak of the finished clip against full scale. */
  peakDb: number;
}

const TILT_HZ = 1000;
const FADE_SEC = 0.02;

type Span = readonly [low: number, high: number];

/** Reverberation time, its level, damping, and how long the first echoes take, by place. */
const ACOUSTICS: Record<Venue, { reverbSec: Span; reverbDb: Span; damping: Span; echoSec: Span }> = {
  room: { reverbSec: [0.15, 0.4], reverbDb: [-16, -8], damping: [0.3, 0.6], echoSec: [0.006, 0.02] },
  hall: { reverbSec: [1.1, 2.4], reverbDb: [-9, -2], damping: [0.2, 0.5], echoSec: [0.02, 0.06] },
  tiled: { reverbSec: [0.5, 1], reverbDb: [-5, 1], damping: [0, 0.15], echoSec: [0.004, 0.012] },
  studio: { reverbSec: [0, 0], reverbDb: [-60, -60], damping: [0, 0], echoSec: [0.003, 0.008] },
  landscape: { reverbSec: [0, 0], reverbDb: [-60, -60], damping: [0, 0], echoSec: [0.003, 0.01] },
  rain: { reverbSec: [0, 0], reverbDb: [-60, -60], damping: [0, 0], echoSec: [0.003, 0.01] },
  beach: { reverbSec: [0, 0], reverbDb: [-60, -60], damping: [0, 0], echoSec: [0.003, 0.01] },
  // Walls on the other side of the road.
  street: { reverbSec: [0, 0], reverbDb: [-60, -60], damping: [0, 0], echoSec: [0.05, 0.14] },
};

export function drawRoom(random: SeededRandom, venue: Venue): Room {
  const { reverbSec, reverbDb, damping, echoSec } = ACOUSTICS[venue];
  const count = random.integer(1, 7);
  const size = random.uniform(...echoSec);
  const level = random.uniform(0.05, 0.3);
  const reflections = Array.from({ length: count }, () => {
    const delaySec = random.uniform(0.3, 1) * size;
    const sign = random.next() < 0.5 ? -1 : 1;
    const gain = sign * level * Math.exp((-1.5 * delaySec) / size);
    return { delaySamples: Math.round(delaySec * PERFORMANCE_RATE_HZ), gain };
  });
  return {
    reflections,
    reverbSec: random.uniform(...reverbSec),
    reverbDb: random.uniform(...reverbDb),
    damping: random.uniform(...damping),
    tiltDb: random.uniform(-6, 6),
    peakDb: random.uniform(-12, 0),
  };
}

/** The sound in the room: same length, the end faded to silence, the peak at `room.peakDb`. */
export function placeInRoom(dry: Float32Array, room: Room): Float32Array {
  const wet = Float32Array.from(dry);
  for (const { delaySamples, gain } of room.reflections) {
    for (let i = delaySamples; i < wet.length; i++) {
      wet[i] = (wet[i] as number) + gain * (dry[i - delaySamples] as number);
    }
  }
  if (room.reverbSec > 0) addReverberation(wet, dry, room);
  tilt(wet, room.tiltDb);
  fadeEnd(wet);
  setPeak(wet, 10 ** (room.peakDb / 20));
  return wet;
}

/** Delays of parallel combs and serial all-passes in samples: coprime, so that echoes do not coincide. */
const COMBS = [467, 541, 601, 683, 743, 809];
const ALL_PASSES = [113, 37];

/** Adds the tail of Schroeder's reverberator (1962), with damped combs (Moorer 1979). */
function addReverberation(wet: Float32Array, dry: Float32Array, room: Room): void {
  let tail = new Float32Array(dry.length);
  for (const delay of COMBS) {
    const feedback = 10 ** ((-3 * delay) / (room.reverbSec * PERFORMANCE_RATE_HZ));
    const line = new Float32Array(delay);
    let low = 0;
    for (let i = 0, at = 0; i < dry.length; i++, at = at + 1 === delay ? 0 : at + 1) {
      const late = line[at] as number;
      low = late * (1 - room.damping) + low * room.damping;
      line[at] = (dry[i] as number) + feedback * low;
      tail[i] = (tail[i] as number) + late;
    }
  }
  for (const delay of ALL_PASSES) tail = allPass(tail, delay);
  const energy = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 1e-12);
  const gain = Math.sqrt(energy(dry) / energy(tail)) * 10 ** (room.reverbDb / 20);
  for (let i = 0; i < wet.length; i++) wet[i] = (wet[i] as number) + gain * (tail[i] as number);
}

function allPass(input: Float32Array, delay: number): Float32Array<ArrayBuffer> {
  const gain = 0.7;
  const output = new Float32Array(input.length);
  for (let i = 0; i < input.length; i++) {
    const before = i >= delay ? (input[i - delay] as number) + gain * (output[i - delay] as number) : 0;
    output[i] = -gain * (input[i] as number) + before;
  }
  return output;
}

function tilt(samples: Float32Array, tiltDb: number): void {
  const share = 1 - Math.exp((-2 * Math.PI * TILT_HZ) / PERFORMANCE_RATE_HZ);
  const high = 10 ** (tiltDb / 20);
  let low = 0;
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i] as number;
    low += share * (value - low);
    samples[i] = low + high * (value - low);
  }
}

function fadeEnd(samples: Float32Array): void {
  const length = Math.min(samples.length, Math.round(FADE_SEC * PERFORMANCE_RATE_HZ));
  for (let i = 0; i < length; i++) {
    const at = samples.length - 1 - i;
    samples[at] = ((samples[at] as number) * i) / length;
  }
}

function setPeak(samples: Float32Array, peak: number): void {
  let largest = 0;
  for (const value of samples) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return;
  // Rounding to float32 must not push the peak past full scale.
  const scale = (peak * 0.9999) / largest;
  for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] as number) * scale;
}
