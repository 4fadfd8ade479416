import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnalysisSubject, Clip, LocalCatalogService } from '#catalog/catalog-service';
import { makeClip } from '../support/make-clips.ts';
import { ingest, OPEN_MS, openTestCatalog, removeFolder, temporaryFolder } from '../support/test-catalog.ts';

let folder: string;
let catalog: LocalCatalogService;
const clips: Record<string, Clip> = {};
const files: Record<string, string> = {};

beforeAll(async () => {
  folder = await temporaryFolder();
  catalog = await openTestCatalog(join(folder, 'data'));
  await catalog.startWorker();
  const recipes = {
    low: { sound: 0.1, picture: 0.1 },
    lowAgain: { sound: 0.15, picture: 0.15 },
    high: { sound: 0.9, picture: 0.9 },
    sound: { sound: 0.9, picture: null },
    picture: { sound: null, picture: 0.1 },
    nothing: { sound: 'silent' as const, picture: 'black' as const },
  };
  for (const [name, recipe] of Object.entries(recipes)) {
    files[name] = await makeClip(folder, `${name}.mp4`, { ...recipe, durationSec: 3 });
    if (name !== 'nothing') clips[name] = await ingest(catalog, files[name], { collection: name });
  }
}, OPEN_MS);
afterAll(async () => {
  await catalog.close();
  await removeFolder(folder);
});

const id = (name: string) => clips[name]?.id as string;
const classify = (subject: AnalysisSubject, labels?: string[]) => catalog.classify({ subject, labels });

describe('classify', () => {
  it('says what is missing in a catalog without labels', async () => {
    await expect(classify({ file: files.low as string })).rejects.toMatchObject({
      code: 'not_enough_data',
      message: expect.stringContaining('earshot labels add'),
    });
  });

  it('follows the examples of labels as they come and go', async () => {
    expect(await catalog.addExamples('calm', [id('low')])).toMatchObject({ name: 'calm', examples: 1 });
    await catalog.addExamples('shrill', [id('high')]);
    const found = await classify({ clipId: id('lowAgain') });
    expect(found).toMatchObject({ verdict: 'calm', scores: [{ label: 'calm' }, { label: 'shrill' }] });
    expect(found.audio).not.toBeNull();
    await catalog.addExamples('shrill', [id('lowAgain')]);
    await catalog.removeExamples('shrill', [id('high')]);
    await catalog.removeExamples('calm', [id('low')]);
    await catalog.addExamples('calm', [id('high')]);
    expect(await classify({ clipId: id('lowAgain') })).toMatchObject({ verdict: 'shrill' });
  });

  it('answers a file as the clip of its bytes, and scores in the order asked for', async () => {
    const byClip = await classify({ clipId: id('high') }, ['shrill', 'calm']);
    const byFile = await classify({ file: files.high as string }, ['calm', 'shrill']);
    expect(byClip.scores.map(({ label }) => label)).toEqual(['shrill', 'calm']);
    expect(byFile.scores.map(({ label }) => label)).toEqual(['calm', 'shrill']);
    for (const [i, { probability }] of byFile.scores.reverse().entries())
      expect(probability).toBeCloseTo(byClip.scores[i]?.probability as number, 6);
  });

  it('classifies by the one modality that a file has', async () => {
    expect(await classify({ clipId: id('sound') })).toMatchObject({ verdict: 'calm', video: null });
    expect(await classify({ file: files.picture as string })).toMatchObject({
      verdict: 'shrill',
      audio: null,
    });
    await expect(classify({ file: files.nothing as string })).rejects.toMatchObject({
      code: 'modality_missing',
    });
  });

  it('names a label without examples, and one that there is not', async () => {
    await catalog.addExamples('empty', []);
    for (const [label, words] of [
      ['empty', 'The label "empty" has no examples'],
      ['nowhere', 'There is no label "nowhere"'],
    ] as const) {
      await expect(classify({ clipId: id('low') }, ['calm', label])).rejects.toMatchObject({
        code: 'invalid_argument',
        subject: 'labels[1]',
        message: expect.stringContaining(words),
      });
    }
    expect((await classify({ clipId: id('low') })).scores).toHaveLength(2);
  });

  it.each([
    ['twice the same', ['calm', ' calm '], 'labels[1]', /given twice/],
    ['100 000', Array.from({ length: 100_000 }, (_, i) => `label ${i}`), 'labels', /at most 10000/],
    ['one of 10 kB', ['calm', 'x'.repeat(10_000)], 'labels[1]', /^.{20,160}$/],
    ['an empty one', ['calm', ' '], 'labels[1]', /empty/],
    ['none', [], 'labels', /No labels/],
  ])('refuses labels: %s', async (_what, labels, subject, message) => {
    await expect(classify({ clipId: id('low') }, labels)).rejects.toMatchObject({
      code: 'invalid_argument',
      subject,
      message: expect.stringMatching(message),
    });
  });

  it('forgets an example whose clip is deleted', async () => {
    const file = await makeClip(folder, 'brief.mp4', { sound: 0.5, picture: 0.5, durationSec: 2 });
    const brief = await ingest(catalog, file);
    await catalog.addExamples('calm', [brief.id]);
    expect((await catalog.listLabels({})).items).toContainEqual(
      expect.objectContaining({ name: 'calm', examples: 2 }),
    );
    await catalog.deleteClip(brief.id);
    expect((await catalog.listLabels({})).items).toContainEqual(
      expect.objectContaining({ name: 'calm', examples: 1 }),
    );
  });

  it('adds no example where one of the clips is unknown', async () => {
    const nobody = '01a20bbd-3ba9-7045-8adc-39f624475ae9';
    const adding = catalog.addExamples('half', [id('low'), nobody]);
    await expect(adding).rejects.toMatchObject({ code: 'unknown_clip', subject: 'clipIds' });
    expect((await catalog.listLabels({})).items.map(({ name }) => name)).not.toContain('half');
  });

  it('pages labels by name', async () => {
    const first = await catalog.listLabels({ limit: 2 });
    expect(first.items.map(({ name }) => name)).toEqual(['calm', 'empty']);
    const rest = await catalog.listLabels({ limit: 2, cursor: first.nextCursor ?? undefined });
    expect(rest).toMatchObject({ items: [{ name: 'shrill' }], nextCursor: null });
    await catalog.deleteLabel('empty');
    await expect(catalog.deleteLabel('empty')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('describe', () => {
  const describeFile = (name: string) => catalog.describe({ subject: { file: files[name] as string } });

  it('expects the sounds whose examples lie nearest to the picture', async () => {
    await catalog.addExamples('deep', [id('low')]);
    await catalog.addExamples('piercing', [id('high'), id('sound')]);
    await catalog.addExamples('seen only', [id('picture')]);
    const low = await describeFile('picture');
    expect(low.sentence).toMatch(/^Probably deep \(\d+ %\)/);
    const labels = low.evidence.flatMap((entry) => (entry.kind === 'label' ? [entry] : []));
    expect(labels[0]).toMatchObject({ label: 'deep' });
    expect(labels.map(({ label }) => label)).not.toContain('seen only');
    const nearest = low.evidence.find((entry) => entry.kind === 'clip');
    expect(nearest).toMatchObject({ title: 'low' });
    expect(low.sentence).toContain('"low"');
    expect((await describeFile('high')).sentence).toMatch(/piercing/);
  });

  it('leaves a clip’s own sound out, and says that nothing moves', async () => {
    const { evidence, sentence } = await catalog.describe({ subject: { clipId: id('high') } });
    const told = evidence.flatMap((entry) => (entry.kind === 'clip' ? [entry.clipId] : []));
    expect(told).toHaveLength(3);
    expect(told).not.toContain(id('high'));
    expect(evidence.at(-1)).toMatchObject({ kind: 'motion', onsetsPerSec: 0, loudness: 'silent' });
    expect(sentence).toContain('nothing moves');
  });

  it('says what has no picture', async () => {
    for (const name of ['sound', 'nothing'])
      await expect(describeFile(name)).rejects.toMatchObject({ code: 'modality_missing' });
  });
});
