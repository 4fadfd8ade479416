/** The quiet bed that every recording has, as it is where the clip takes place: hum indoors, wind, rain, traffic. */
import { SeededRandom } from '#core/random';
import { PERFORMANCE_RATE_HZ } from './performance.ts';
import { planPassages, type Venue } from './venue.ts';

/** How far below the loudest part of the sources the loudest part of the bed lies, dB. */
const BELOW_DB: Record<Venue, readonly [number, number]> = {
  room: [28, 46],
  hall: [28, 46],
  tiled: [28, 42],
  studio: [36, 52],
  landscape: [18, 32],
  rain: [16, 28],
  street: [16, 30],
  beach: [16, 28],
};

/**
 * @param seed names the clip, so that no two share their noise
 * @param peak of the sources' sum, which the bed stays below
 * @returns `[length]`
 */
export function roomNoise(length: number, seed: string, venue: Venue, peak: number): Float32Array {
  const random = new SeededRandom(`room-noise/${seed}`);
  const level = (peak || 0.1) * 10 ** (-random.uniform(...BELOW_DB[venue]) / 20);
  const bed = drawBed(length, seed, venue, random);
  const loudest = bed.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-9);
  return bed.map((value) => (value * level) / loudest);
}

function drawBed(length: number, seed: string, venue: Venue, random: SeededRandom): Float32Array {
  switch (venue) {
    case 'landscape':
      return colouredNoise(length, random, random.uniform(0.93, 0.985), gusts(random));
    case 'rain':
      return rain(length, random);
    case 'street':
      return colouredNoise(length, random, random.uniform(0.88, 0.95), swells(seed, venue, length, 0.15));
    case 'beach':
      return colouredNoise(length, random, random.uniform(0.3, 0.7), swells(seed, venue, length, 0.2));
    default:
      return indoors(length, random);
  }
}

/** White noise through one pole of low-pass (`pole` 0 is hiss, 0.97 rumble), its strength changing over time. */
function colouredNoise(
  length: number,
  random: SeededRandom,
  pole: number,
  strengthAt: (timeSec: number) => number,
): Float32Array {
  const bed = new Float32Array(length);
  let low = 0;
  let strength = 1;
  for (let i = 0; i < length; i++) {
    if (i % 160 === 0) strength = strengthAt(i / PERFORMANCE_RATE_HZ);
    low = pole * low + (1 - pole) * random.normal();
    bed[i] = strength * low;
  }
  return bed;
}

/** Wind: it rises and falls slowly. */
function gusts(random: SeededRandom): (timeSec: number) => number {
  const waves = Array.from({ length: 3 }, () => ({
    hz: random.uniform(0.1, 0.7),
    phase: random.uniform(0, 2 * Math.PI),
  }));
  return (timeSec) =>
    0.25 +
    waves.reduce((sum, { hz, phase }) => sum + 0.25 * (1 + Math.sin(2 * Math.PI * hz * timeSec + phase)), 0);
}

/** Each passage swells while it comes near. */
function swells(seed: string, venue: Venue, length: number, floor: number): (timeSec: number) => number {
  const passages = planPassages(seed, venue, length / PERFORMANCE_RATE_HZ);
  return (timeSec) =>
    passages.reduce(
      (sum, { atSec, lengthSec, strength }) =>
        sum + strength * Math.exp(-(((timeSec - atSec) / (0.3 * lengthSec)) ** 2)),
      floor,
    );
}

/** A steady hiss with single drops in it. */
function rain(length: number, random: SeededRandom): Float32Array {
  const bed = colouredNoise(length, random, random.uniform(0, 0.35), () => 0.35);
  const drops = Math.round((length / PERFORMANCE_RATE_HZ) * random.uniform(15, 60));
  for (let drop = 0; drop < drops; drop++) {
    const start = random.integer(0, length);
    const loud = random.uniform(0.5, 2);
    for (let i = 0; i < 64 && start + i < length; i++) {
      bed[start + i] = (bed[start + i] as number) + loud * (1 - i / 64) ** 2 * random.normal();
    }
  }
  return bed;
}

/** Hiss or rumble, sometimes with the hum of the mains. */
function indoors(length: number, random: SeededRandom): Float32Array {
  const pole = random.pick([0, 0.5, 0.9, 0.97]);
  const bed = colouredNoise(length, random, pole, () => 1);
  const humHz = random.next() < 0.3 ? random.pick([50, 60]) * random.pick([1, 2, 3]) : 0;
  if (humHz === 0) return bed;
  return bed.map(
    (value, i) => value + 0.3 * (1 - pole) * Math.sin((2 * Math.PI * humHz * i) / PERFORMANCE_RATE_HZ),
  );
}
