/**
 * BSS-eval, version 3: how well sources were separated, in decibels. An estimate is split into what filters of 512
 * taps can make of its own source (target), what they can make of the other sources besides (interference), and the
 * rest (artefacts).
 *
 * @see Vincent, Gribonval & Fevotte 2006, "Performance measurement in blind audio source separation"
 */
import { EarshotError } from '#core/errors';
import { FilteredProjection } from './filtered-projection.ts';

/** Allowed distortion: a filter of this many samples. */
const BSS_EVAL_TAPS = 512;
/** Mean power under which a reference counts as silent (-100 dB of full scale). */
const SILENT_POWER = 1e-10;
/** Bound on the ratios that the search over permutations adds up. */
const DECIBEL_BOUND = 1000;

export interface SeparationScore {
  /** Index of the estimate that was compared with this reference. */
  estimate: number;
  /** Source to distortion of every kind. */
  sdrDb: number;
  /** Source to interference; infinite where there is only one source. */
  sirDb: number;
  /** Sources to artefacts. */
  sarDb: number;
  /** SDR of the unprocessed mixture against the same reference, where the mixture was given. */
  mixtureSdrDb: number | null;
}

export interface BssEvalOptions {
  /** Assign estimates to references so that the mean SIR is best, rather than in the order given. */
  permute?: boolean;
  /** The unprocessed mixture, `[samples]`, to be scored against every reference. */
  mixture?: Float32Array;
  taps?: number;
}

type Ratios = Pick<SeparationScore, 'sdrDb' | 'sirDb' | 'sarDb'>;

/**
 * @param references true sources, `[samples]` each
 * @param estimates  as many, of the same length; a silent one scores minus infinity
 * @returns one score a reference; null for silent references, which nothing can be compared with
 * @throws EarshotError `shape_mismatch` when numbers or lengths differ, `invalid_argument` for samples not finite
 */
export function bssEval(
  references: readonly Float32Array[],
  estimates: readonly Float32Array[],
  options: BssEvalOptions = {},
): (SeparationScore | null)[] {
  return bssEvalSets(references, { estimates }, options).estimates as (SeparationScore | null)[];
}

/**
 * Several ways of separating one mixture: what depends on the references alone, most of the work, is done once.
 *
 * @param sets by a name of the caller's, estimates as for `bssEval`
 * @returns by the same names, scores as of `bssEval`
 * @throws EarshotError as `bssEval`
 */
export function bssEvalSets(
  references: readonly Float32Array[],
  sets: Readonly<Record<string, readonly Float32Array[]>>,
  options: BssEvalOptions = {},
): Record<string, (SeparationScore | null)[]> {
  const { permute = false, mixture, taps = BSS_EVAL_TAPS } = options;
  for (const estimates of Object.values(sets)) {
    const sounds = [...references, ...estimates, ...(mixture ? [mixture] : [])];
    checkSounds(sounds, references.length, estimates.length);
  }
  const sounding = references.flatMap((reference, i) => (isSilent(reference) ? [] : [i]));
  const named = (score: (estimates: readonly Float32Array[]) => (SeparationScore | null)[]) =>
    Object.fromEntries(Object.entries(sets).map(([name, estimates]) => [name, score(estimates)]));
  if (sounding.length === 0) return named(() => references.map(() => null));
  const projection = new FilteredProjection(
    sounding.map((i) => references[i] as Float32Array),
    taps,
  );
  const mixtureRatios = mixture ? ratios(projection, mixture) : null;
  return named((estimates) => {
    // [estimate][sounding reference]
    const table = estimates.map((estimate) => ratios(projection, estimate));
    const assigned = permute ? bestAssignment(table, sounding.length) : sounding;
    return references.map((_, reference) => {
      const row = sounding.indexOf(reference);
      if (row < 0) return null;
      const estimate = assigned[row] as number;
      return {
        estimate,
        ...((table[estimate] as Ratios[])[row] as Ratios),
        mixtureSdrDb: mixtureRatios ? (mixtureRatios[row] as Ratios).sdrDb : null,
      };
    });
  });
}

function checkSounds(sounds: readonly Float32Array[], references: number, estimates: number): void {
  const length = sounds[0]?.length ?? 0;
  if (references === 0 || references !== estimates || sounds.some((sound) => sound.length !== length)) {
    throw new EarshotError(
      'shape_mismatch',
      `As many estimates as references are needed, all of one length; ${references} and ${estimates} were given.`,
    );
  }
  if (sounds.some((sound) => !sound.every(Number.isFinite))) {
    throw new EarshotError('invalid_argument', 'Sounds to be scored need finite samples.');
  }
}

function isSilent(sound: Float32Array): boolean {
  return sound.reduce((sum, value) => sum + value * value, 0) <= SILENT_POWER * sound.length;
}

/** Of one estimate against every source. */
function ratios(projection: FilteredProjection, estimate: Float32Array): Ratios[] {
  const spectrum = projection.spectrum(estimate);
  const { onAll, onEach } = projection.project(spectrum);
  const difference = (a: Float64Array, b: Float64Array) =>
    projection.energy(a.map((value, i) => value - (b[i] as number)));
  const artefacts = difference(spectrum, onAll);
  return onEach.map((target) => {
    const energy = projection.energy(target);
    return {
      sdrDb: decibels(energy, difference(spectrum, target)),
      sirDb:
        onEach.length === 1 && energy > 0
          ? Number.POSITIVE_INFINITY
          : decibels(energy, difference(onAll, target)),
      sarDb: decibels(projection.energy(onAll), artefacts),
    };
  });
}

function decibels(signal: number, noise: number): number {
  if (signal === 0) return Number.NEGATIVE_INFINITY;
  return 10 * Math.log10(signal / noise);
}

/** Estimate of each reference, no estimate twice, with the best sum of SIR (of SDR where there is one reference). */
function bestAssignment(table: readonly Ratios[][], references: number): number[] {
  let best: number[] = [];
  let bestSum = Number.NEGATIVE_INFINITY;
  const value = (estimate: number, reference: number) => {
    const { sirDb, sdrDb } = (table[estimate] as Ratios[])[reference] as Ratios;
    return Math.max(-DECIBEL_BOUND, Math.min(DECIBEL_BOUND, references === 1 ? sdrDb : sirDb));
  };
  const search = (chosen: number[], sum: number) => {
    if (chosen.length === references) {
      if (sum > bestSum) [best, bestSum] = [chosen, sum];
      return;
    }
    for (let estimate = 0; estimate < table.length; estimate++) {
      if (chosen.includes(estimate)) continue;
      search([...chosen, estimate], sum + value(estimate, chosen.length));
    }
  };
  search([], 0);
  return best;
}
