/** The instruments that a General MIDI soundfont plays: their presets, their range and what is idiomatic on them. */

import type { SoundClass } from '../performance.ts';
import type { Figure } from './phrase.ts';

interface Preset {
  /** 128 marks the percussion bank, which is reached through channel 10. */
  bank: 0 | 128;
  program: number;
  /** Where the preset has a range narrower than or beside the instrument's. */
  range?: readonly [low: number, high: number];
}

export interface Instrument {
  presets: readonly Preset[];
  /** Lowest and highest MIDI key. */
  range: readonly [low: number, high: number];
  figures: readonly Figure[];
  /** Bowed and blown tones can swell and are cut by the note's end; struck ones ring on. */
  sustained: boolean;
  /** Largest number of keys that one strike may hold. */
  polyphony: number;
  /** Delay between the keys of a chord: a strummed guitar is slower than a piano. */
  strumMs: readonly [low: number, high: number];
  /** Set for unpitched kits: the keys that carry a sound of this class. */
  kitKeys?: readonly number[];
}

const melodic = (...programs: number[]): Preset[] => programs.map((program) => ({ bank: 0, program }));
const kits = (...programs: number[]): Preset[] => programs.map((program) => ({ bank: 128, program }));

const TOGETHER = [0, 0] as const;
const STRUCK: readonly Figure[] = ['melody', 'run', 'repeat', 'sparse', 'chords'];
const BLOWN: readonly Figure[] = ['melody', 'run', 'repeat', 'long', 'staccato'];

function struck(presets: Preset[], range: readonly [number, number], polyphony: number): Instrument {
  return { presets, range, figures: STRUCK, sustained: false, polyphony, strumMs: TOGETHER };
}

function blown(presets: Preset[], range: readonly [number, number]): Instrument {
  return { presets, range, figures: BLOWN, sustained: true, polyphony: 1, strumMs: TOGETHER };
}

export const INSTRUMENTS: Partial<Record<SoundClass, Instrument>> = {
  piano: struck(melodic(0, 1, 2, 3), [33, 98], 4),
  guitar: { ...struck(melodic(24, 25, 26, 27, 28), [40, 84], 5), strumMs: [6, 22] },
  violin: blown(melodic(40), [55, 93]),
  cello: blown(melodic(42), [36, 72]),
  trumpet: blown(melodic(56, 59), [54, 84]),
  saxophone: blown(
    // Soprano, alto, tenor, baritone.
    [
      { bank: 0, program: 64, range: [56, 86] },
      { bank: 0, program: 65, range: [49, 80] },
      { bank: 0, program: 66, range: [44, 75] },
      { bank: 0, program: 67, range: [37, 68] },
    ],
    [44, 75],
  ),
  flute: blown(melodic(72, 73, 75), [60, 98]),
  xylophone: struck(melodic(11, 12, 13), [53, 100], 2),
  accordion: { ...blown(melodic(21, 23), [48, 88]), figures: [...BLOWN, 'chords'], polyphony: 3 },
  harp: { ...struck(melodic(46), [36, 96], 4), strumMs: [15, 60] },
  drum: {
    ...struck(kits(0, 8, 16, 24, 25, 32, 40), [35, 50], 1),
    figures: ['melody', 'run', 'repeat', 'sparse'],
    kitKeys: [35, 36, 38, 40, 41, 43, 45, 47, 48, 50],
  },
  bell: { ...struck(melodic(14, 9, 112), [60, 91], 1), figures: ['sparse', 'melody', 'repeat'] },
};
