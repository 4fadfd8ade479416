/** Sounds without a source that could be seen: silence, noises and hum, for what must not be localized. */
import { SeededRandom } from '#core/random';

export const AMBIENCE_KINDS = ['silence', 'white', 'pink', 'brown', 'hum', 'rumble'] as const;
/** In decibels of full scale. */
const LOUDEST_DB = -12;
const FAINTEST_DB = -50;

/**
 * @param index  which of them: kinds take turns, levels and spectra are drawn by lot
 * @param seed   of the lots
 * @returns mono `[samples]`
 */
export function ambience(index: number, seed: string, samples: number, sampleRateHz: number): Float32Array {
  const kind = AMBIENCE_KINDS[index % AMBIENCE_KINDS.length] as (typeof AMBIENCE_KINDS)[number];
  const random = new SeededRandom(`${seed}/${index}`);
  const out = new Float32Array(samples);
  if (kind === 'silence') return out;
  const raw = kind === 'hum' ? hum(samples, sampleRateHz, random) : noise(kind, samples, random);
  const squares = raw.reduce((sum, value) => sum + value * value, 0);
  const level = 10 ** (random.uniform(FAINTEST_DB, LOUDEST_DB) / 20);
  const scale = level / Math.sqrt(squares / samples + 1e-12);
  return raw.map((value) => value * scale);
}

function hum(samples: number, sampleRateHz: number, random: SeededRandom): Float32Array {
  const baseHz = random.pick([50, 60, 100, 120]);
  const strengths = Array.from({ length: 8 }, (_, i) => random.next() / (i + 1));
  return Float32Array.from({ length: samples }, (_, i) =>
    strengths.reduce(
      (sum, strength, k) => sum + strength * Math.sin((2 * Math.PI * baseHz * (k + 1) * i) / sampleRateHz),
      0.02 * random.normal(),
    ),
  );
}

function noise(kind: 'white' | 'pink' | 'brown' | 'rumble', samples: number, random: SeededRandom) {
  // One-pole low-pass filters: none, a mixture, and ever deeper ones.
  const keep = { white: 0, pink: 0.6, brown: 0.97, rumble: 0.995 }[kind];
  let low = 0;
  return Float32Array.from({ length: samples }, () => {
    const value = random.normal();
    low = keep * low + (1 - keep) * value;
    return kind === 'pink' ? low + 0.3 * value : low;
  });
}
