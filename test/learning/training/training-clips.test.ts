import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownTrainingClips, splitBySource, withFurtherClips } from '#learning/training/training-clips';
import { readClipList, sourceOf, type UsableClip, usableClips } from '#learning/training/usable-clips';
import { makeClip } from '../../catalog/support/make-clips.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-own-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const clip = (id: string, more: Partial<UsableClip> = {}): UsableClip => ({
  ...{ id, file: `${id}.mp4`, labels: [], source: id, durationSec: 5 },
  ...more,
});

describe('the split of own clips', () => {
  const clips = Array.from({ length: 60 }, (_, i) => clip(`c${i}`, { source: `s${i % 20}` }));

  it('holds out a fifth of the sources, whole, the same ones for a seed', () => {
    const split = splitBySource(clips, { seed: 1, segmentSec: 5 });
    expect(split.heldOut).toHaveLength(12);
    expect(split.train).toHaveLength(48);
    const held = new Set(split.heldOut.map(({ source }) => source));
    expect(held.size).toBe(4);
    const learned = clips.filter(({ id }) => split.train.some((entry) => entry.id === id));
    expect(learned.some(({ source }) => held.has(source))).toBe(false);
    expect(
      splitBySource([...clips].reverse(), { seed: 1, segmentSec: 5 })
        .heldOut.map(({ id }) => id)
        .sort(),
    ).toEqual(split.heldOut.map(({ id }) => id).sort());
    expect(splitBySource(clips, { seed: 2, segmentSec: 5 }).heldOut).not.toEqual(split.heldOut);
  });

  it('learns from every whole segment of a long clip, a dozen at most, and validates on one', () => {
    const long = clips.map((each, i) => ({ ...each, durationSec: i === 0 ? 300 : 12.4 }));
    const { train, validation, heldOut } = splitBySource(long, { seed: 1, segmentSec: 5 });
    expect(validation).toHaveLength(heldOut.length);
    const starts = (id: string) =>
      train.filter((entry) => entry.id.startsWith(`${id}#`)).map(({ startSec }) => startSec ?? 0);
    const shown = train[0]?.id.split('#')[0] === 'c0' ? 'c1' : (train[0]?.id.split('#')[0] as string);
    expect(starts(shown)).toEqual([0, 5]);
    for (const { id } of long) expect(starts(id).length).toBeLessThanOrEqual(12);
  });
});

describe('the source of a file', () => {
  it.each([
    ['a/dog-3.mp4', 'a/dog'],
    ['a/dog_take2.mp4', 'a/dog'],
    ['a/dog (1).mp4', 'a/dog'],
    ['a/dog.mp4', 'a/dog'],
    ['a/007.mp4', 'a/007'],
    ['b/dog-3.mp4', 'b/dog'],
  ])('of %s is %s', (file, source) => {
    expect(sourceOf(file)).toBe(source);
  });
});

describe('clips that are looked at', () => {
  it('are left out and counted where they lack sound or picture, are too short or no media', async () => {
    const recipes = {
      'good.mp4': { sound: 0.3, picture: 0.6, durationSec: 1 },
      'mute.mp4': { sound: null, picture: 0.6, durationSec: 1 },
      'blind.wav': { sound: 0.3, picture: null, durationSec: 1 },
      'short.mp4': { sound: 0.3, picture: 0.6, durationSec: 0.25 },
    };
    for (const [name, recipe] of Object.entries(recipes)) await makeClip(folder, name, recipe);
    await writeFile(path.join(folder, 'text.mp4'), 'no film');
    const names = [...Object.keys(recipes), 'text.mp4', 'absent.mp4'];
    const lines = names.map((file) => JSON.stringify({ file, labels: ['x'], other: 1 }));
    const list = path.join(folder, 'list.jsonl');
    await writeFile(list, `${lines.join('\n')}\n`);
    const looked = await usableClips(await readClipList(list), {});
    expect(looked.clips.map(({ id }) => id)).toEqual(['good.mp4']);
    expect(looked.clips[0]?.durationSec).toBeCloseTo(1, 0);
    expect(looked.skipped).toEqual({ 'no sound': 1, 'no picture': 1, 'too short': 1, unreadable: 2 });
  });

  it('must be fifty to learn from alone; the refusal counts what is missing', async () => {
    const good = await makeClip(folder, 'one.mp4', { sound: 0.3, picture: 0.6, durationSec: 1 });
    const candidates = [clip('a', { file: good }), clip('b', { file: path.join(folder, 'none.mp4') })];
    const options = { where: 'collection field', seed: 1, segmentSec: 5, skipped: { 'no sound': 3 } };
    await expect(ownTrainingClips(candidates, options)).rejects.toMatchObject({
      code: 'not_enough_data',
      message: expect.stringMatching(/collection field has 1 clips.*50.*3 no sound, 1 unreadable/),
    });
  });

  it('join those of the corpus, each list with a split of its own', async () => {
    const good = await makeClip(folder, 'two.mp4', { sound: 0.3, picture: 0.6, durationSec: 1 });
    const candidates = [];
    for (let i = 0; i < 10; i++) {
      const file = path.join(folder, `take-${i}.mp4`);
      await copyFile(good, file);
      candidates.push(clip(`t${i}`, { file, labels: ['bell'] }));
    }
    const corpus = {
      train: [{ id: 'x', file: 'x', label: 'dog' }],
      validation: [{ id: 'y', file: 'y', label: 'dog' }],
      description: 'Two towers trained on the corpus.',
      provenance: { corpus: { train: 'hash' } },
    };
    const joined = await withFurtherClips(corpus, candidates, {
      where: 'list.jsonl',
      seed: 1,
      segmentSec: 5,
    });
    expect(joined.train).toHaveLength(9);
    expect(joined.validation).toHaveLength(3);
    expect(joined.train.at(-1)?.label).toBe('bell');
    expect(joined.description).toBe('Two towers trained on the corpus, and on list.jsonl.');
    expect(joined.provenance).toMatchObject({ corpus: { train: 'hash' }, 'also list.jsonl': { clips: 10 } });
  });

  it.each(['{"file":"a.mp4","labels":["x"]}\n{"file":7}', 'x'])(
    'name the line that is wrong: %s',
    async (text) => {
      const list = path.join(folder, 'wrong.jsonl');
      await writeFile(list, text);
      await expect(readClipList(list)).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringMatching(/^Line [12] of/),
      });
      await expect(readClipList(path.join(folder, 'nowhere.jsonl'))).rejects.toMatchObject({
        code: 'file_not_found',
      });
    },
  );
});
