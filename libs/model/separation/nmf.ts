/**
 * Non-negative matrix factorisation of a mixture's magnitudes, its components handed to the sources by an oracle: the
 * classical baseline of separation, and a generous one, for it is told which component belongs to whom.
 *
 * @see Lee & Seung 2001, "Algorithms for non-negative matrix factorization", for the multiplicative updates;
 *   Virtanen 2007, "Monaural sound source separation by non-negative matrix factorization"
 */
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';

export interface NmfOptions {
  components: number;
  iterations: number;
  seed: number | string;
}

export interface Factorization {
  components: number;
  /** How loud each component is in each frame, `[frames, components]`. */
  activations: Float64Array;
  /** Spectrum of each component, `[components, bins]`, summing to one. */
  spectra: Float64Array;
}

export interface FactorizationRun extends Factorization {
  /** Kullback-Leibler divergence from the magnitudes before each iteration, and after the last. */
  divergences: number[];
}

/** Keeps quotients finite; far below any magnitude that can be heard. */
export const NMF_FLOOR = 1e-9;

/**
 * @param magnitudes `[frames, bins]`, not negative
 * @throws EarshotError `shape_mismatch`; `invalid_argument` without components
 */
export function factorize(
  magnitudes: Float32Array,
  frames: number,
  bins: number,
  options: NmfOptions,
): FactorizationRun {
  const factors = firstFactors(magnitudes, frames, bins, options);
  const divergences: number[] = [];
  for (let i = 0; i < options.iterations; i++) {
    divergences.push(iterate(factors, magnitudes, 'activations'));
    iterate(factors, magnitudes, 'spectra');
    normalizeSpectra(factors);
  }
  divergences.push(iterate(factors, magnitudes, 'nothing'));
  const { components, activations, spectra } = factors;
  return { components, activations, spectra, divergences };
}

/**
 * What the iterations begin with, drawn from the seed at the level of the mixture.
 *
 * @throws EarshotError as `factorize`
 */
export function firstFactors(
  magnitudes: Float32Array,
  frames: number,
  bins: number,
  { components, seed }: Omit<NmfOptions, 'iterations'>,
): Factors {
  if (magnitudes.length !== frames * bins) {
    throw new EarshotError('shape_mismatch', `[${frames}, ${bins}] magnitudes are needed.`);
  }
  if (!Number.isInteger(components) || components < 1) {
    throw new EarshotError('invalid_argument', `At least one component is needed, not ${components}.`);
  }
  const random = new SeededRandom(seed);
  let sum = 0;
  for (let i = 0; i < magnitudes.length; i++) sum += magnitudes[i] as number;
  const level = Math.sqrt(sum / Math.max(1, magnitudes.length) / components) + NMF_FLOOR;
  const start = (length: number) => {
    const values = new Float64Array(length);
    for (let i = 0; i < length; i++) values[i] = level * random.uniform(0.5, 1.5);
    return values;
  };
  return {
    frames,
    bins,
    components,
    activations: start(frames * components),
    spectra: start(components * bins),
  };
}

export interface Factors {
  frames: number;
  bins: number;
  components: number;
  activations: Float64Array;
  spectra: Float64Array;
}

/** One multiplicative update, `x *= sum(y * V / model) / sum(y)`; answers the divergence before it. */
function iterate(
  factors: Factors,
  magnitudes: Float32Array,
  updated: 'activations' | 'spectra' | 'nothing',
): number {
  const { frames, bins, components, activations, spectra } = factors;
  const gains = new Float64Array(updated === 'activations' ? activations.length : spectra.length);
  const model = new Float64Array(bins);
  let divergence = 0;
  for (let frame = 0; frame < frames; frame++) {
    modelFrame(factors, frame, model);
    for (let bin = 0; bin < bins; bin++) {
      const value = magnitudes[frame * bins + bin] as number;
      const expected = model[bin] as number;
      divergence += (value > 0 ? value * Math.log(value / expected) : 0) - value + expected;
      model[bin] = value / expected;
    }
    if (updated === 'nothing') continue;
    for (let k = 0; k < components; k++) {
      const at = k * bins;
      if (updated === 'activations') {
        let sum = 0;
        for (let bin = 0; bin < bins; bin++) sum += (spectra[at + bin] as number) * (model[bin] as number);
        gains[frame * components + k] = sum;
      } else {
        const activation = activations[frame * components + k] as number;
        for (let bin = 0; bin < bins; bin++) {
          gains[at + bin] = (gains[at + bin] as number) + activation * (model[bin] as number);
        }
      }
    }
  }
  if (updated === 'activations') {
    const sums = Float64Array.from({ length: components }, (_, k) => total(spectra, k * bins, bins, 1));
    multiply(activations, gains, (i) => sums[i % components] as number);
  } else if (updated === 'spectra') {
    const sums = Float64Array.from({ length: components }, (_, k) =>
      total(activations, k, frames, components),
    );
    multiply(spectra, gains, (i) => sums[Math.floor(i / bins)] as number);
  }
  return divergence;
}

/** Row `frame` of `activations * spectra`. */
function modelFrame(factors: Factors, frame: number, out: Float64Array): void {
  const { bins, components, activations, spectra } = factors;
  out.fill(NMF_FLOOR);
  for (let k = 0; k < components; k++) {
    const activation = activations[frame * components + k] as number;
    for (let bin = 0; bin < bins; bin++) {
      out[bin] = (out[bin] as number) + activation * (spectra[k * bins + bin] as number);
    }
  }
}

function multiply(values: Float64Array, gains: Float64Array, sum: (index: number) => number): void {
  for (let i = 0; i < values.length; i++) {
    values[i] = ((values[i] as number) * (gains[i] as number)) / Math.max(NMF_FLOOR, sum(i));
  }
}

function total(values: Float64Array, from: number, count: number, stride: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[from + i * stride] as number;
  return sum;
}

/** Spectra sum to one, activations take their scale; the product stays what it was. */
function normalizeSpectra({ frames, bins, components, activations, spectra }: Factors): void {
  for (let k = 0; k < components; k++) {
    const sum = Math.max(NMF_FLOOR, total(spectra, k * bins, bins, 1));
    for (let bin = 0; bin < bins; bin++) spectra[k * bins + bin] = (spectra[k * bins + bin] as number) / sum;
    for (let frame = 0; frame < frames; frame++) {
      const at = frame * components + k;
      activations[at] = (activations[at] as number) * sum;
    }
  }
}

/**
 * Ratio masks of the sources from a factorisation of their mixture: every component goes, whole, to the source whose
 * energy it lets through most of.
 *
 * @param sources true magnitudes, `[frames, bins]` each
 * @returns one mask a source, `[frames, bins]`, adding up to one
 */
export function oracleMasks(
  factorization: Factorization,
  sources: readonly Float32Array[],
  frames: number,
  bins: number,
): Float32Array[] {
  if (sources.some(({ length }) => length !== frames * bins)) {
    throw new EarshotError('shape_mismatch', `[${frames}, ${bins}] magnitudes of every source are needed.`);
  }
  const { components } = factorization;
  const factors: Factors = { frames, bins, ...factorization };
  // [components, sources]
  const energies = new Float64Array(components * sources.length);
  forEachShare(factors, (k, at, share) => {
    for (let source = 0; source < sources.length; source++) {
      const magnitude = sources[source]?.[at] as number;
      const index = k * sources.length + source;
      energies[index] = (energies[index] as number) + share * magnitude * magnitude;
    }
  });
  const owners = Array.from({ length: components }, (_, k) => {
    const row = energies.subarray(k * sources.length, (k + 1) * sources.length);
    return row.indexOf(Math.max(...row));
  });
  const masks = sources.map(() => new Float32Array(frames * bins));
  forEachShare(factors, (k, at, share) => {
    const mask = masks[owners[k] as number] as Float32Array;
    mask[at] = (mask[at] as number) + share;
  });
  return masks;
}

/** Calls back with every component's share of every value of the model; shares add up to one. */
function forEachShare(factors: Factors, use: (component: number, at: number, share: number) => void): void {
  const { frames, bins, components, activations, spectra } = factors;
  const model = new Float64Array(bins);
  for (let frame = 0; frame < frames; frame++) {
    modelFrame(factors, frame, model);
    for (let k = 0; k < components; k++) {
      const activation = activations[frame * components + k] as number;
      for (let bin = 0; bin < bins; bin++) {
        // The floor is shared out evenly, so that silence has masks that add up as well.
        const own = activation * (spectra[k * bins + bin] as number) + NMF_FLOOR / components;
        use(k, frame * bins + bin, own / (model[bin] as number));
      }
    }
  }
}
