/** Writes the phrases that instruments play: seeded rhythm, pitches, dynamics and articulation. */

import type { SeededRandom } from '#core/random';
import type { Split } from '../performance.ts';
import type { Instrument } from './instruments.ts';
import { leadOfSplit } from './split-lead.ts';

export type Figure = 'melody' | 'run' | 'repeat' | 'chords' | 'long' | 'sparse' | 'staccato';

type Swell = 'none' | 'rise' | 'fall' | 'arch';

/** Times are whole milliseconds from the start of the clip. */
interface Note {
  startMs: number;
  endMs: number;
  /** MIDI note number; on a kit it names the drum. */
  key: number;
  /** 1..127 */
  velocity: number;
  swell: Swell;
}

export interface Phrase {
  bank: 0 | 128;
  program: number;
  /** The look of the instrument that this preset sounds like. */
  form: string;
  /** Modulation wheel, 0..127. */
  vibrato: number;
  tuningCents: number;
  /** Sorted by start. */
  notes: Note[];
}

interface FigureShape {
  beatMs: readonly [number, number];
  /** Share of the way to the next strike for which a note is held. */
  hold: readonly [number, number];
  restChance: number;
  /** Largest step, in degrees of the scale. */
  leap: number;
  /** Strikes until the player takes a breath and starts anew. */
  burst: readonly [number, number];
  /** Lengths in beats, drawn anew for every strike. */
  rhythm: readonly number[];
}

const FIGURES: Record<Figure, FigureShape> = {
  melody: {
    beatMs: [230, 560],
    hold: [0.55, 0.98],
    restChance: 0.2,
    leap: 3,
    burst: [3, 9],
    rhythm: [1, 1, 1, 0.5, 2, 1.5],
  },
  run: { beatMs: [85, 180], hold: [0.6, 0.98], restChance: 0.14, leap: 1, burst: [4, 9], rhythm: [1] },
  repeat: {
    beatMs: [150, 480],
    hold: [0.3, 0.8],
    restChance: 0.16,
    leap: 0,
    burst: [2, 7],
    rhythm: [1, 1, 1, 2],
  },
  chords: {
    beatMs: [420, 1100],
    hold: [0.5, 0.95],
    restChance: 0.2,
    leap: 3,
    burst: [2, 5],
    rhythm: [1, 1, 0.5],
  },
  long: {
    beatMs: [900, 2000],
    hold: [0.72, 0.95],
    restChance: 0.3,
    leap: 4,
    burst: [2, 4],
    rhythm: [1, 0.7],
  },
  sparse: {
    beatMs: [550, 1300],
    hold: [0.3, 0.7],
    restChance: 0.3,
    leap: 5,
    burst: [2, 4],
    rhythm: [1, 0.6, 1.3],
  },
  staccato: {
    beatMs: [190, 430],
    hold: [0.2, 0.4],
    restChance: 0.2,
    leap: 2,
    burst: [2, 7],
    rhythm: [1, 1, 2],
  },
};

const SCALES: readonly (readonly number[])[] = [
  [0, 2, 4, 5, 7, 9, 11],
  [0, 2, 3, 5, 7, 8, 10],
  [0, 2, 4, 7, 9],
  [0, 3, 5, 7, 10],
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
];

const SHORTEST_NOTE_MS = 60;
/** Drawn between these; what the clip has no room for is left out. */
const FEWEST_STRIKES = 5;
const MOST_STRIKES = 16;

/** Composes one phrase that lies, its release included, within `durationMs`. */
export function composePhrase(
  instrument: Instrument,
  durationMs: number,
  split: Split,
  random: SeededRandom,
): Phrase {
  // The split of unseen objects has the presets that no other split plays, and only those.
  const preset = random.pick(
    instrument.presets.filter((each) => (each.unseen === true) === (split === 'unseen')),
  );
  const figure = random.pick(instrument.figures);
  const strikes = composeRhythm(FIGURES[figure], durationMs, split, instrument.sustained, random);
  const keys = instrument.kitKeys
    ? chooseDrums(instrument.kitKeys, strikes.length, random)
    : composeKeys(preset.range ?? instrument.range, figure, strikes.length, instrument.polyphony, random);
  const loudness = composeVelocities(strikes.length, random);
  const swells = instrument.sustained && random.next() < 0.6;
  const notes = strikes.flatMap((strike, i): Note[] => {
    const swell = swells && strike.endMs - strike.startMs > 250 ? pickSwell(random) : 'none';
    const strumMs = random.integer(instrument.strumMs[0], instrument.strumMs[1] + 1);
    return (keys[i] as number[]).map((key, k) => {
      const startMs = strike.startMs + k * strumMs;
      const endMs = Math.max(strike.endMs, startMs + SHORTEST_NOTE_MS / 2);
      return { startMs, endMs, key, velocity: loudness[i] as number, swell };
    });
  });
  notes.sort((a, b) => a.startMs - b.startMs || a.key - b.key);
  return {
    bank: preset.bank,
    program: preset.program,
    form: random.pick(preset.forms),
    vibrato: instrument.sustained ? random.integer(0, 90) : 0,
    tuningCents: random.integer(-35, 36),
    notes,
  };
}

interface Strike {
  startMs: number;
  endMs: number;
}

function composeRhythm(
  shape: FigureShape,
  durationMs: number,
  split: Split,
  sustained: boolean,
  random: SeededRandom,
): Strike[] {
  const lastEndMs = durationMs - Math.min(sustained ? 260 : 450, durationMs * 0.2);
  const leadMs = leadOfSplit(random.uniform(40, Math.min(900, durationMs * 0.25)), split);
  // Two strikes must fit, else there is no rhythm to see.
  const beatMs = Math.min(random.uniform(...shape.beatMs), (lastEndMs - leadMs) / 2.5);
  const hold = random.uniform(...shape.hold);
  const burst = random.integer(...shape.burst);
  const wanted = random.integer(FEWEST_STRIKES, MOST_STRIKES + 1);
  const strikes: Strike[] = [];
  let atMs = leadMs;
  while (strikes.length < wanted && atMs + SHORTEST_NOTE_MS <= lastEndMs) {
    const gapMs = strikes.length === 0 ? beatMs : beatMs * random.pick(shape.rhythm);
    const heldMs = Math.max(SHORTEST_NOTE_MS, gapMs * hold);
    strikes.push({ startMs: Math.round(atMs), endMs: Math.round(Math.min(atMs + heldMs, lastEndMs)) });
    atMs += Math.max(gapMs, heldMs + 10);
    if (strikes.length < 2) continue;
    if (strikes.length % burst === 0) atMs += random.uniform(400, 1200);
    else if (random.next() < shape.restChance) atMs += random.uniform(250, 800);
  }
  return strikes;
}

/** The keys of every strike: a walk along a scale, each step carrying a chord where the figure asks for it. */
function composeKeys(
  [low, high]: readonly [low: number, high: number],
  figure: Figure,
  count: number,
  polyphony: number,
  random: SeededRandom,
): number[][] {
  const scale = random.pick(SCALES);
  const root = random.integer(0, 12);
  const centre = random.integer(low + 6, high - 5);
  const allowed: number[] = [];
  for (let key = Math.max(low, centre - 14); key <= Math.min(high, centre + 14); key++) {
    if (scale.includes((((key - root) % 12) + 12) % 12)) allowed.push(key);
  }
  const size = figure === 'chords' ? random.integer(2, Math.max(3, polyphony + 1)) : 1;
  const { leap } = FIGURES[figure];
  let position = random.integer(0, allowed.length);
  let direction = random.next() < 0.5 ? 1 : -1;
  const keys: number[][] = [];
  for (let i = 0; i < count; i++) {
    const chord = Array.from({ length: size }, (_, k) => allowed[position + 2 * k]);
    keys.push(chord.filter((key): key is number => key !== undefined));
    if (leap === 1 && random.next() < 0.85) position += direction;
    else if (leap > 0) position += random.integer(-leap, leap + 1);
    else if (random.next() < 0.15) position += random.integer(-3, 4);
    if (position < 0 || position >= allowed.length) direction = -direction;
    position = Math.min(allowed.length - 1, Math.max(0, position));
  }
  return keys;
}

function chooseDrums(kitKeys: readonly number[], count: number, random: SeededRandom): number[][] {
  const drums = Array.from({ length: random.integer(1, 4) }, () => random.pick(kitKeys));
  return Array.from({ length: count }, () => [random.pick(drums)]);
}

function composeVelocities(count: number, random: SeededRandom): number[] {
  const base = random.uniform(60, 112);
  const spread = random.uniform(3, 24);
  const slope = random.uniform(-25, 25);
  return Array.from({ length: count }, (_, i) => {
    const along = count > 1 ? i / (count - 1) - 0.5 : 0;
    const velocity = base + slope * along + random.uniform(-spread, spread);
    return Math.round(Math.min(127, Math.max(32, velocity)));
  });
}

function pickSwell(random: SeededRandom): Swell {
  return random.pick(['none', 'rise', 'fall', 'arch'] as const);
}
