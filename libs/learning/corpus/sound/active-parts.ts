/** Where a recording sounds, and where in it something begins. */
import { PERFORMANCE_RATE_HZ } from '../performance.ts';

/** A stretch of a recording in samples, `[from, to)`. */
export interface Part {
  from: number;
  to: number;
}

const HOP = PERFORMANCE_RATE_HZ / 100;
/** This far below the loudest step counts as silence. */
const FLOOR_DB = 32;
/** Shorter silences are part of the call. */
const SHORTEST_GAP_STEPS = 14;
const SHORTEST_PART_STEPS = 6;
/** An onset is at least so much louder than the quietest step shortly before it. */
const RISE_DB = 7;
const RISE_STEPS = 5;
/** Two onsets are at least so far apart. */
const APART_STEPS = 12;

/** The parts in which something sounds, in order; the whole recording where it never falls silent. */
export function findParts(samples: Float32Array): Part[] {
  const levels = levelsDb(samples);
  const floor = levels.reduce((max, value) => Math.max(max, value), -200) - FLOOR_DB;
  const parts: Part[] = [];
  for (let i = 0; i < levels.length; i++) {
    if ((levels[i] as number) < floor) continue;
    const last = parts.at(-1);
    if (last && i - last.to <= SHORTEST_GAP_STEPS) last.to = i + 1;
    else parts.push({ from: i, to: i + 1 });
  }
  const long = parts.filter(({ from, to }) => to - from >= SHORTEST_PART_STEPS);
  const kept = long.length > 0 ? long : [{ from: 0, to: levels.length }];
  return kept.map(({ from, to }) => ({
    from: Math.max(0, from - 1) * HOP,
    to: Math.min(samples.length, (to + 1) * HOP),
  }));
}

/** Starts of audible events in seconds: sudden rises of the level, the loudest of its neighbours. */
export function findOnsets(samples: Float32Array): number[] {
  const levels = levelsDb(samples);
  const floor = levels.reduce((max, value) => Math.max(max, value), -200) - FLOOR_DB;
  const onsets: number[] = [];
  let last = -APART_STEPS;
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i] as number;
    if (level < floor || i - last < APART_STEPS) continue;
    let before = i < RISE_STEPS ? -200 : level;
    for (let k = Math.max(0, i - RISE_STEPS); k < i; k++) before = Math.min(before, levels[k] as number);
    if (level - before < RISE_DB) continue;
    onsets.push((i * HOP) / PERFORMANCE_RATE_HZ);
    last = i;
  }
  return onsets;
}

/** Level of each hundredth of a second in dB. */
function levelsDb(samples: Float32Array): Float32Array {
  const levels = new Float32Array(Math.floor(samples.length / HOP));
  for (let i = 0; i < levels.length; i++) {
    let sum = 0;
    for (let k = i * HOP; k < (i + 1) * HOP; k++) sum += (samples[k] as number) ** 2;
    levels[i] = 10 * Math.log10(sum / HOP + 1e-20);
  }
  return levels;
}
