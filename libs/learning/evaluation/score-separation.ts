/**
 * What ways of separating make of the sources of a mixture: BSS-eval of each beside the mixture's own score and beside
 * what oracles reach.
 *
 * @see Vincent, Gribonval & Fevotte 2006; Zhao et al. 2018, "The Sound of Pixels", section 4
 */
import { applyMask, magnitudes, Stft } from '#model/front-ends/stft';
import { bootstrap, type Estimate } from '#model/metrics/bootstrap';
import { bssEvalSets } from '#model/metrics/separation';
import { idealBinaryMasks, idealRatioMask, randomMask } from '#model/separation/masks';
import { factorize, oracleMasks } from '#model/separation/nmf';

export interface SeparationResults {
  suite: string;
  model: { id: string; version: string };
  /** Sources that were asked for. */
  n: number;
  /** `value` and `ci95` in decibels; `chance` is what doing nothing or guessing reaches. */
  results: Record<string, Estimate & { chance: number }>;
}

/** As many components a source as the literature's supervised baselines have. */
const NMF = { componentsPerSource: 12, iterations: 60 };
/** Questions with nothing as the answer: how much quieter than the right one, in decibels. */
const NOTHING = ['wrongPicture', 'emptyPlace'] as const;

/** Scores of silence are minus infinity; a mean needs a floor. */
const FLOOR_DB = -30;

/**
 * What each way of separating makes of one source, as SDR in decibels; and `mixture`, that of doing nothing. Besides,
 * `NOTHING`'s.
 */
export type SdrRow = Record<string, number>;

/**
 * One row for each source that sounds, the oracles' ways among the columns.
 *
 * @param ways by name, the estimate of each source
 * @param seed of the oracles
 * @param more further columns of a source's row
 */
export function sdrRows(
  stems: readonly Float32Array[],
  mixture: Float32Array,
  ways: Record<string, Float32Array[]>,
  seed: number,
  more: (source: number) => SdrRow = () => ({}),
): SdrRow[] {
  const scored = bssEvalSets(stems, { ...ways, ...oracles(stems, mixture, seed) }, { mixture });
  return stems.flatMap((_, source) => {
    const mixtureDb = scored.own?.[source]?.mixtureSdrDb;
    if (mixtureDb === undefined || mixtureDb === null) return [];
    const row: SdrRow = { mixture: mixtureDb };
    for (const [way, scores] of Object.entries(scored)) {
      row[way] = Math.max(FLOOR_DB, scores[source]?.sdrDb ?? FLOOR_DB);
    }
    return [{ ...row, ...more(source) }];
  });
}

/** Estimates that know the stems, or know nothing at all. */
function oracles(
  stems: readonly Float32Array[],
  sum: Float32Array,
  index: number,
): Record<string, Float32Array[]> {
  const stft = new Stft();
  const whole = stft.forward(sum);
  const own = stems.map((stem) => magnitudes(stft.forward(stem)));
  const mixed = magnitudes(whole);
  const back = (mask: Float32Array) => stft.inverse(applyMask(whole, mask), sum.length);
  const { frames, bins } = whole;
  const components = NMF.componentsPerSource * stems.length;
  const factors = factorize(mixed, frames, bins, { components, iterations: NMF.iterations, seed: index });
  return {
    nmfOracle: oracleMasks(factors, own, frames, bins).map(back),
    idealBinaryMask: idealBinaryMasks(own).map(back),
    idealRatioMask: own.map((one) => back(atMostOne(idealRatioMask(one, mixed)))),
    randomMask: stems.map((_, source) => back(randomMask('ratio', mixed.length, `${index}:${source}`))),
  };
}

/** As the ceiling of what a share of the mixture can do. */
function atMostOne(mask: Float32Array): Float32Array {
  return mask.map((value) => Math.min(1, value));
}

/** Gains over the mixture of every way that was tried, and what is told by their differences. */
export function summarise(rows: readonly SdrRow[]): SeparationResults['results'] {
  const column = (of: (row: SdrRow) => number | undefined) => {
    const values = rows.map(of).filter((value) => value !== undefined);
    return bootstrap(values);
  };
  const gain = (way: string) => column((row) => (row[way] as number) - (row.mixture as number));
  const guessed = gain('randomMask').value;
  const isWay = (name: string) => name !== 'mixture' && !NOTHING.some((one) => one === name);
  const gains = Object.keys(rows[0] ?? {}).filter(isWay);
  return {
    sdrDb: { ...column((row) => row.own), chance: column((row) => row.mixture).value },
    ...Object.fromEntries(
      gains.map((way) => [
        way === 'own' ? 'gainDb' : `gainDb.${way.replace('own.', '')}`,
        { ...gain(way), chance: guessed },
      ]),
    ),
    motionGainDb: { ...column((row) => (row.own as number) - (row.appearance as number)), chance: 0 },
    'motionGainDb.frozen': {
      ...column((row) => (row.frozen as number) - (row.appearance as number)),
      chance: 0,
    },
    ...Object.fromEntries(
      NOTHING.filter((name) => rows.some((row) => row[name] !== undefined)).map((name) => [
        `${name}.quieterDb`,
        { ...column((row) => row[name]), chance: 0 },
      ]),
    ),
  };
}

/** Energy of a sound. */
export function decibels(samples: Float32Array): number {
  return 10 * Math.log10(samples.reduce((sum, value) => sum + value * value, 0) + 1e-9);
}
