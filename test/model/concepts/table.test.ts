import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { conceptCalibration } from '#model/concepts/calibration';
import { parseClassMap, parseLabelList } from '#model/concepts/class-names';
import { type ConceptTable, conceptTable, sightClasses, soundClasses } from '#model/concepts/table';
import { sharedData } from '../../support/shared-data.ts';

const models = sharedData('models');
const { table } = conceptTable();

function small(part: Partial<ConceptTable['concepts'][number]>): ConceptTable {
  const concept = { name: 'dog', sounds: {}, sights: {}, words: [], ...part };
  return { format: 'earshot-concepts/1', concepts: [concept], narrower: {}, groups: {} };
}

describe('the concept table', () => {
  it('holds at least 120 concepts, each named once, each with something to be known by', () => {
    const names = table.concepts.map(({ name }) => name);
    expect(names.length).toBeGreaterThanOrEqual(120);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, sounds } of table.concepts) expect(Object.keys(sounds), name).not.toEqual([]);
    const unseen = table.concepts.filter(({ sights }) => Object.keys(sights).length === 0);
    expect(unseen.length).toBeLessThanOrEqual(5);
  });

  it('gives no word to two concepts, and groups only what is there', () => {
    const owners = new Map<string, string>();
    for (const { name, words } of table.concepts) {
      for (const word of [name, ...words]) {
        expect(owners.get(word) ?? name, word).toBe(name);
        owners.set(word, name);
      }
    }
    const names = new Set(table.concepts.map(({ name }) => name));
    for (const members of Object.values(table.groups))
      for (const member of members) expect(names).toContain(member);
  });

  it('is calibrated: every concept has its centre for sound and for picture', () => {
    const file = new URL('../../../libs/model/concepts/calibration.json', import.meta.url);
    const { audio, video } = JSON.parse(readFileSync(file, 'utf8'));
    for (const { name } of table.concepts) {
      expect(audio.centre, name).toHaveProperty([name]);
      expect(video.centre, name).toHaveProperty([name]);
    }
    expect(conceptCalibration(table).audio.centre).toHaveLength(table.concepts.length);
  });

  it.skipIf(!models)(
    `names only classes that exist in the lists of the towers${models ? '' : ' (skipped: no shared data)'}`,
    () => {
      const read = (file: string) => readFileSync(path.join(models as string, file), 'utf8');
      const names = parseClassMap(read('yamnet_class_map.csv'));
      const labels = parseLabelList(read('imagenet_labels.txt'));
      const sounds = soundClasses(table, names);
      const sights = sightClasses(table, labels);
      for (const [wider, children] of Object.entries(table.narrower))
        for (const name of [wider, ...children]) expect(names, name).toContain(name);
      const dog = table.concepts.findIndex(({ name }) => name === 'dog');
      expect(sounds[dog]).toContainEqual({ index: 70, weight: 1 });
      // All breeds of the label list, and what stands beside them with less weight.
      expect(sights[dog]?.filter(({ weight }) => weight === 1)).toHaveLength(118);
    },
  );
});

describe('references to classes', () => {
  const labels = ['background', 'crane, bird', 'Ara', 'Boa', 'Cob', 'crane, machine'];

  it('are single labels, runs of the list, or a label with its line', () => {
    const [classes] = sightClasses(small({ sights: { 'Ara..Cob': 0.5, Boa: 1, 'crane:5': 0.2 } }), labels);
    expect(classes).toEqual([
      { index: 2, weight: 0.5 },
      { index: 3, weight: 1 },
      { index: 4, weight: 0.5 },
      { index: 5, weight: 0.2 },
    ]);
  });

  it('are refused by name when unknown, ambiguous or backwards', () => {
    for (const sight of ['Dodo', 'crane', 'Cob..Ara', 'crane:3']) {
      expect(() => sightClasses(small({ sights: { [sight]: 1 } }), labels), sight).toThrow(
        expect.objectContaining({ code: 'model_invalid' }),
      );
    }
    expect(() => soundClasses(small({ sounds: { Barkk: 1 } }), ['Bark'])).toThrow(/"Barkk" for dog/);
  });

  it('know what else a wider class may be heard for', () => {
    const names = ['Vehicle', 'Car', 'Skidding', 'Boat', 'Ship'];
    const narrower = { Vehicle: ['Car', 'Boat'], Car: ['Skidding'], Boat: ['Ship'] };
    const sounds = { Vehicle: 0.4, Car: 1, Boat: 0.2 };
    const [classes] = soundClasses({ ...small({ sounds }), narrower }, names);
    expect(classes).toEqual([
      { index: 0, weight: 0.4, others: [2, 4] },
      // What means the same as the concept is never taken from it.
      { index: 1, weight: 1 },
      { index: 3, weight: 0.2, others: [4] },
    ]);
    expect(() =>
      soundClasses({ ...small({ sounds }), narrower: { Car: ['Van'], Boat: ['Raft'] } }, names),
    ).toThrow(/"Raft" for Boat/);
  });

  it('refuse lists that are not those of the towers', () => {
    expect(() => parseClassMap('index,mid,display_name\n0,/m/1,Speech\n')).toThrow(/yamnet_class_map.csv/);
    expect(() => parseClassMap('index,mid,display_name\n1,/m/1,Speech\n')).toThrow(/line 2/);
    expect(() => parseLabelList('background\ntench\n')).toThrow(/imagenet_labels.txt/);
  });
});
