import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelledSoundRules, labelledSounds } from '#learning/training/labelled-sounds';
import { conceptTable } from '#model/concepts/table';

describe('labelled sounds', () => {
  const rules = labelledSoundRules();
  let folder: string;
  const corpus = () => path.join(folder, 'corpus');

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'earshot-labelled-'));
    for (const { package: name } of rules.packages) await mkdir(path.join(folder, name));
    await mkdir(path.join(corpus(), 'train'), { recursive: true });
    const touch = (...parts: string[]) => writeFile(path.join(folder, ...parts), '');
    for (const name of ['rooster.wav', 'moo.wav', 'readme.txt', 'unnamed.wav'])
      await touch('scorched3d-data', name);
    for (let i = 0; i < 30; i++) await touch('lugaru-data', `Bark${String(i).padStart(2, '0')}.ogg`);
    await touch('sonic-pi-samples', 'drum_cowbell.flac');
    for (let i = 0; i < 20; i++)
      await touch('corpus', 'train', `train-${String(i).padStart(5, '0')}-piano.wav`);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('are named by concepts that the table has', () => {
    const known = new Set(conceptTable().table.concepts.map(({ name }) => name));
    const named = rules.packages.flatMap(({ rules: all }) => all.flatMap(({ concepts }) => concepts));
    const unknown = [...named, ...Object.values(rules.corpusClasses).flat()].filter(
      (name) => !known.has(name),
    );
    expect(unknown).toEqual([]);
  });

  it('are found by the first rule that fits, some of each rule and class', async () => {
    const sounds = await labelledSounds(folder, corpus());
    const of = (source: string) => sounds.filter((sound) => sound.source === source);
    expect(of('scorched3d-data').map(({ file, concepts }) => [path.basename(file), ...concepts])).toEqual([
      ['moo.wav', 'cattle'],
      ['rooster.wav', 'rooster'],
    ]);
    expect(of('lugaru-data')).toHaveLength(24);
    expect(new Set(of('lugaru-data').map(({ kind }) => kind)).size).toBe(1);
    // A rule without concepts leaves out what it fits.
    expect(of('sonic-pi-samples')).toEqual([]);
    expect(of('corpus')).toHaveLength(16);
    expect(of('corpus')[0]?.concepts).toEqual(['piano']);
  });

  it('names a package that is missing', async () => {
    const subject = path.join(folder, 'nowhere', rules.packages[0]?.package ?? '');
    await expect(labelledSounds(path.join(folder, 'nowhere'), corpus())).rejects.toMatchObject({
      ...{ code: 'file_not_found', subject },
    });
  });
});
