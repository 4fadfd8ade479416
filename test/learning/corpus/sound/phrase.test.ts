import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { type SoundClass, SPLITS, type Split } from '#learning/corpus/performance';
import { INSTRUMENTS } from '#learning/corpus/sound/instruments';
import { writeMidiFile } from '#learning/corpus/sound/midi-file';
import { composePhrase } from '#learning/corpus/sound/phrase';

const INSTRUMENT_NAMES = Object.keys(INSTRUMENTS) as SoundClass[];

function composeMany(soundClass: SoundClass, split: Split, durationMs = 5000) {
  const instrument = INSTRUMENTS[soundClass];
  if (!instrument) throw new Error(`${soundClass} is no instrument`);
  return Array.from({ length: 60 }, (_, seed) => {
    return composePhrase(instrument, durationMs, split, new SeededRandom(seed));
  });
}

describe.each(INSTRUMENT_NAMES)('phrases of the %s', (soundClass) => {
  it.each([1000, 5000])('strike at least twice and end, release included, within %i ms', (durationMs) => {
    for (const { notes } of composeMany(soundClass, 'train', durationMs)) {
      expect(new Set(notes.map(({ startMs }) => startMs)).size).toBeGreaterThanOrEqual(2);
      for (const { startMs, endMs, velocity } of notes) {
        expect(startMs).toBeGreaterThanOrEqual(39);
        expect(endMs).toBeGreaterThan(startMs);
        expect(endMs).toBeLessThan(durationMs - 50);
        expect(velocity).toBeGreaterThanOrEqual(32);
        expect(velocity).toBeLessThanOrEqual(127);
      }
    }
  });

  it('stay in the range of their preset', () => {
    const instrument = INSTRUMENTS[soundClass];
    for (const { program, notes } of composeMany(soundClass, 'train')) {
      const preset = instrument?.presets.find((each) => each.program === program);
      const [low, high] = preset?.range ?? instrument?.range ?? [0, 0];
      for (const { key } of notes) {
        expect(key).toBeGreaterThanOrEqual(low);
        expect(key).toBeLessThanOrEqual(high);
      }
    }
  });

  it('have presets and looks of their own in the split of unseen objects', () => {
    const instrument = INSTRUMENTS[soundClass];
    if (!instrument?.presets.some((preset) => preset.unseen)) return;
    const of = (split: Split) => composeMany(soundClass, split);
    const seen = [...of('train'), ...of('validation'), ...of('test')];
    const unseen = of('unseen');
    for (const property of ['program', 'form'] as const) {
      const shared = new Set(seen.map((phrase) => phrase[property]));
      expect(unseen.filter((phrase) => shared.has(phrase[property]))).toEqual([]);
    }
    const forms = new Map<number, Set<string>>();
    for (const { program, form } of [...seen, ...unseen])
      forms.set(program, (forms.get(program) ?? new Set()).add(form));
    for (const preset of instrument.presets) expect(new Set(preset.forms)).toEqual(forms.get(preset.program));
  });

  it('are shared by no two splits, even from one seed', () => {
    const owners = new Map<string, Split>();
    const unseen = INSTRUMENTS[soundClass]?.presets.some((preset) => preset.unseen);
    for (const split of SPLITS) {
      if (split === 'unseen' && !unseen) continue;
      for (const { notes } of composeMany(soundClass, split)) {
        const content = JSON.stringify(notes);
        expect(owners.get(content) ?? split).toBe(split);
        owners.set(content, split);
        expect((notes[0] as { startMs: number }).startMs % SPLITS.length).toBe(SPLITS.indexOf(split));
      }
    }
  });
});

describe('writeMidiFile', () => {
  it('writes one format-0 track whose length is what its header says', () => {
    const [phrase] = composeMany('piano', 'train');
    const file = writeMidiFile([{ startMs: 1000, phrase: phrase as NonNullable<typeof phrase> }], 7000);
    expect(file.toString('latin1', 0, 4)).toBe('MThd');
    expect([...file.subarray(8, 14)]).toEqual([0, 0, 0, 1, 500 >> 8, 500 & 0xff]);
    expect(file.toString('latin1', 14, 18)).toBe('MTrk');
    expect(file.readUInt32BE(18)).toBe(file.length - 22);
    expect([...file.subarray(-3)]).toEqual([0xff, 0x2f, 0]);
  });
});
