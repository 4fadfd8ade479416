/** The instruments that a General MIDI soundfont plays: their presets, their range and what is idiomatic on them. */

import type { SoundClass } from '../performance.ts';
import type { Figure } from './phrase.ts';

interface Preset {
  /** 128 marks the percussion bank, which is reached through channel 10. */
  bank: 0 | 128;
  program: number;
  /** The looks that sound like this, of those that the class's object is drawn in. */
  forms: readonly [string, ...string[]];
  /** Kept for the split of unseen objects, with its forms. */
  unseen?: true;
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

const preset = (program: number, ...forms: [string, ...string[]]): Preset => ({ bank: 0, program, forms });
const unseen = (program: number, ...forms: [string, ...string[]]): Preset => ({
  ...preset(program, ...forms),
  unseen: true,
});
const kit = (program: number, ...forms: [string, ...string[]]): Preset => ({ bank: 128, program, forms });
const ranged = (one: Preset, low: number, high: number): Preset => ({ ...one, range: [low, high] });

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
  piano: struck(
    [preset(0, 'grand'), preset(1, 'upright'), preset(2, 'stage'), unseen(3, 'spinet')],
    [33, 98],
    4,
  ),
  guitar: {
    ...struck(
      [
        preset(24, 'classical'),
        preset(25, 'dreadnought'),
        unseen(26, 'archtop'),
        preset(27, 'double-cut'),
        preset(28, 'single-cut'),
      ],
      [40, 84],
      5,
    ),
    strumMs: [6, 22],
  },
  violin: blown([preset(40, 'violin')], [55, 93]),
  cello: blown([preset(42, 'cello')], [36, 72]),
  trumpet: blown([preset(56, 'open'), preset(59, 'muted')], [54, 84]),
  saxophone: blown(
    [
      ranged(preset(64, 'soprano'), 56, 86),
      ranged(preset(65, 'alto'), 49, 80),
      ranged(preset(66, 'tenor'), 44, 75),
      ranged(unseen(67, 'baritone'), 37, 68),
    ],
    [44, 75],
  ),
  flute: blown(
    [
      ranged(preset(72, 'piccolo'), 74, 100),
      preset(73, 'concert'),
      ranged(unseen(74, 'recorder'), 60, 88),
      ranged(preset(75, 'pan'), 57, 84),
    ],
    [60, 98],
  ),
  xylophone: struck([preset(11, 'vibraphone'), unseen(12, 'marimba'), preset(13, 'xylophone')], [53, 100], 2),
  accordion: {
    ...blown([preset(21, 'keys', 'buttons'), unseen(23, 'bandoneon')], [48, 88]),
    figures: [...BLOWN, 'chords'],
    polyphony: 3,
  },
  harp: { ...struck([preset(46, 'harp')], [36, 96], 4), strumMs: [15, 60] },
  drum: {
    ...struck(
      [
        kit(0, 'snare'),
        kit(8, 'kit'),
        kit(16, 'kit'),
        kit(24, 'tom'),
        kit(25, 'tom'),
        kit(32, 'snare'),
        { ...kit(40, 'djembe'), unseen: true },
      ],
      [35, 50],
      1,
    ),
    figures: ['melody', 'run', 'repeat', 'sparse'],
    kitKeys: [35, 36, 38, 40, 41, 43, 45, 47, 48, 50],
  },
  bell: {
    ...struck([preset(14, 'church'), preset(9, 'wall'), unseen(112, 'hand')], [60, 91], 1),
    figures: ['sparse', 'melody', 'repeat'],
  },
  organ: {
    ...blown(
      [preset(16, 'console'), preset(18, 'console'), preset(19, 'pipes'), unseen(20, 'harmonium')],
      [36, 86],
    ),
    figures: ['melody', 'long', 'chords', 'repeat', 'staccato'],
    polyphony: 4,
  },
  clarinet: blown([preset(71, 'clarinet')], [50, 91]),
  trombone: blown([preset(57, 'trombone')], [40, 74]),
  harmonica: { ...blown([preset(22, 'harmonica')], [55, 93]), figures: [...BLOWN, 'chords'], polyphony: 3 },
  banjo: { ...struck([preset(105, 'banjo')], [48, 86], 4), strumMs: [6, 26] },
  choir: {
    ...blown([preset(52, 'rows'), preset(53, 'quartet')], [43, 82]),
    figures: ['long', 'chords', 'melody', 'staccato'],
    polyphony: 4,
  },
  bagpipe: blown([preset(109, 'bagpipe')], [55, 82]),
  timpani: {
    ...struck([preset(47, 'timpani')], [36, 58], 1),
    figures: ['melody', 'repeat', 'sparse', 'run'],
  },
};

/** How large each drum of a kit is, 0..1, by its key. */
const DRUM_SIZES = new Map([
  [35, 1],
  [36, 0.92],
  [41, 0.8],
  [43, 0.7],
  [45, 0.6],
  [47, 0.5],
  [48, 0.42],
  [50, 0.34],
  [38, 0.2],
  [40, 0.12],
]);

/** How large an instrument plays these keys: 0 at the top of everything that the class plays, 1 at the bottom. */
export function bodySizeOf(instrument: Instrument, keys: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  if (instrument.kitKeys) return mean(keys.map((key) => DRUM_SIZES.get(key) ?? 0.5));
  const ranges = instrument.presets.map((each) => each.range ?? instrument.range);
  const low = Math.min(...ranges.map(([bottom]) => bottom));
  const high = Math.max(...ranges.map(([, top]) => top));
  return 1 - (mean(keys) - low) / (high - low);
}
