/** Scores of mixtures from what each kind of map got right in each clip. */
import { bootstrap, mean } from '#model/metrics/bootstrap';
import {
  CIOU_SUCCESS,
  classAwareAveragePrecision,
  type LocalizedClass,
  type PixelCounts,
  pooledAveragePrecision,
  successAuc,
  successRate,
} from '#model/metrics/localization';

/** What is measured: the model, its ablation, and maps that know less. */
const DUET_KINDS = ['model', 'withoutGrouping', 'single', 'movement', 'centre', 'random'] as const;
type DuetKind = (typeof DUET_KINDS)[number];

export interface DuetClip {
  /** Whether its sources are of one class; null where that is not told apart. */
  like: boolean | null;
  /** By kind of map, one for each true source; a kind that was not measured is missing. */
  results: Partial<Record<DuetKind, LocalizedClass[]>>;
  /** The pixels of each kind's maps, one map for each true source. */
  pixels: Partial<Record<DuetKind, PixelCounts>>;
  /** What the model names by itself, with the cIoU that its map has with each true source. */
  found: { label: string; cious: number[] }[];
}

interface Score {
  value: number;
  chance: number;
  ci95: [number, number];
}

/** Chance of a label that is picked blindly. */
const CLASSES = 36;

/**
 * `cap`, `ciou30`, `auc` and `piap` of the model, with `.unlike` and `.like` apart; of the other kinds under their names.
 * `groupingGain` is by how much the model's are above its ablation's, over the same clips.
 * `found.recall` and `found.precision` are of what users get: sources that are named by themselves, each right where
 * label and place are.
 */
export function scoreDuets(clips: readonly DuetClip[]): Record<string, Score> {
  const results: Record<string, Score> = {};
  const groups = [
    ['', clips],
    ['.unlike', clips.filter(({ like }) => like === false)],
    ['.like', clips.filter(({ like }) => like === true)],
  ] as const;
  for (const [suffix, group] of groups) Object.assign(results, groupingGains(group, suffix));
  for (const kind of DUET_KINDS) {
    const prefix = kind === 'model' ? '' : `${kind}.`;
    for (const [suffix, group] of groups) {
      const measured = group.filter((clip) => clip.results[kind] !== undefined);
      if (measured.length === 0) continue;
      for (const [name, statistic] of Object.entries(STATISTICS))
        results[`${prefix}${name}${suffix}`] = over(
          measured,
          (some) => statistic(some.flatMap((clip) => clip.results[kind] ?? [])),
          statistic(measured.flatMap((clip) => clip.results.random ?? [])),
        );
      results[`${prefix}piap${suffix}`] = pixelPrecision(measured, kind);
    }
  }
  const chance = STATISTICS.ciou30(clips.flatMap((clip) => clip.results.random ?? [])) / CLASSES;
  const matched = clips.map(matchedSources);
  for (const [name, rate] of [
    ['recall', ({ hits, sources }: Matched) => [hits, sources]],
    ['precision', ({ hits, found }: Matched) => [hits, found]],
  ] as const)
    results[`found.${name}`] = over(matched, (some) => ratio(some.map(rate)), chance);
  return results;
}

/** Model and ablation are compared clip by clip: what is hard for one is hard for the other. */
function groupingGains(clips: readonly DuetClip[], suffix: string): Record<string, Score> {
  const both = clips.filter(({ results }) => results.model && results.withoutGrouping);
  if (both.length === 0) return {};
  const gain = (score: (some: readonly DuetClip[], kind: DuetKind) => number, resamples?: number) =>
    over(both, (some) => score(some, 'model') - score(some, 'withoutGrouping'), 0, resamples);
  const gains = Object.entries(STATISTICS).map(([name, statistic]) => [
    `groupingGain.${name}${suffix}`,
    gain((some, kind) => statistic(some.flatMap(({ results }) => results[kind] ?? []))),
  ]);
  const piap = gain(pooledPrecision, PIXEL_RESAMPLES);
  return { ...Object.fromEntries(gains), [`groupingGain.piap${suffix}`]: piap };
}

function pooledPrecision(clips: readonly DuetClip[], kind: DuetKind): number {
  return pooledAveragePrecision(clips.flatMap(({ pixels }) => pixels[kind] ?? []));
}

function pixelPrecision(clips: readonly DuetClip[], kind: DuetKind): Score {
  const chance = pooledPrecision(clips, 'random');
  return over(clips, (some) => pooledPrecision(some, kind), chance, PIXEL_RESAMPLES);
}

const STATISTICS = {
  cap: (sources: readonly LocalizedClass[]) => classAwareAveragePrecision(sources),
  ciou30: (sources: readonly LocalizedClass[]) =>
    successRate(
      sources.map(({ ciou }) => ciou),
      CIOU_SUCCESS.mixture,
    ),
  auc: (sources: readonly LocalizedClass[]) => successAuc(sources.map(({ ciou }) => ciou)),
};

/** Pooling pixels takes longer than other scores. */
export const PIXEL_RESAMPLES = 200;

/** Clips are drawn again, not sources: those of a clip go together. */
function over<T>(
  items: readonly T[],
  statistic: (items: readonly T[]) => number,
  chance: number,
  resamples?: number,
): Score {
  const indices = items.map((_, i) => i);
  const ofDrawn = (drawn: readonly number[]) => statistic(drawn.map((i) => items[i] as T));
  const estimate = bootstrap(indices, ofDrawn, { resamples });
  return { ...estimate, chance };
}

interface Matched {
  hits: number;
  sources: number;
  found: number;
}

/** True sources and found ones by pairs, the best first; a pair has one label, and a cIoU that counts. */
export function matchedSources({ results, found }: DuetClip): Matched {
  const labels = (results.model ?? []).map(({ label }) => label);
  const pairs = found
    .flatMap((one, i) => one.cious.map((ciou, source) => ({ i, source, ciou, label: one.label })))
    .filter(({ ciou, source, label }) => ciou >= CIOU_SUCCESS.mixture && labels[source] === label)
    .sort((a, b) => b.ciou - a.ciou);
  const [usedFound, usedSources] = [new Set<number>(), new Set<number>()];
  for (const { i, source } of pairs) {
    if (usedFound.has(i) || usedSources.has(source)) continue;
    usedFound.add(i);
    usedSources.add(source);
  }
  return { hits: usedSources.size, sources: labels.length, found: found.length };
}

function ratio(parts: readonly (readonly number[])[]): number {
  const [above, below] = [0, 1].map((i) => parts.reduce((sum, part) => sum + (part[i] as number), 0));
  return below ? (above as number) / below : 0;
}

/**
 * Which map is of which source, where several are of one class and nothing says which: the assignment with the best
 * mean. A source that is left without a map has 0.
 *
 * @param cious by map, with each of the sources
 * @returns by source
 */
export function bestAssignment(cious: readonly (readonly number[])[], sources: number): number[] {
  if (sources === 0) return [];
  const rest = (from: number, used: ReadonlySet<number>): number[] => {
    if (from === sources) return [];
    const options = [[0, ...rest(from + 1, used)]];
    cious.forEach((ofMap, map) => {
      if (used.has(map)) return;
      options.push([ofMap[from] as number, ...rest(from + 1, new Set([...used, map]))]);
    });
    return options.reduce((best, option) => (mean(option) > mean(best) ? option : best));
  };
  return rest(0, new Set());
}
