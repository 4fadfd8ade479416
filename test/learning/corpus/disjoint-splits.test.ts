import { describe, expect, it } from 'vitest';
import { assertDisjoint } from '#learning/corpus/disjoint-splits';
import type { ManifestEntry } from '#learning/corpus/manifest';

let made = 0;

function entry(changes: Partial<ManifestEntry>): ManifestEntry {
  const id = String(made++);
  const split = changes.split ?? 'train';
  const unseen = split === 'unseen';
  const source = {
    soundClass: 'hammer' as const,
    phraseId: id,
    timbreId: unseen ? 'hammer-stone:7' : 'hammer-wood:7',
    form: unseen ? 'rock' : 'nail',
  };
  return {
    id,
    split,
    file: '',
    groundTruth: '',
    label: 'hammer',
    phraseId: id,
    timbreId: source.timbreId,
    sources: [source],
    objects: [{ soundClass: 'hammer', form: source.form }],
    venue: unseen ? 'beach' : 'room',
    contentSha256: id,
    ...changes,
  };
}

describe('assertDisjoint', () => {
  it('accepts splits that share nothing, and clips of one split that share a phrase', () => {
    const train = entry({});
    expect(() =>
      assertDisjoint([train, train, entry({ split: 'test' }), entry({ split: 'unseen' })]),
    ).not.toThrow();
  });

  it('refuses a phrase or a content that two splits have, in whatever source', () => {
    const train = entry({});
    const other = entry({ split: 'test' });
    const second = [...other.sources, ...train.sources];
    expect(() => assertDisjoint([train, { ...other, sources: second }])).toThrowError(/share/);
    expect(() => assertDisjoint([train, { ...other, contentSha256: train.contentSha256 }])).toThrowError(
      /share/,
    );
  });

  it('refuses timbres, looks and places that unseen objects share with any other split', () => {
    const train = entry({});
    const [source] = train.sources;
    const unseen = entry({ split: 'unseen' });
    const timbre = [{ ...unseen.sources[0]!, timbreId: 'hammer-wood:9' }];
    expect(() => assertDisjoint([train, { ...unseen, sources: timbre }])).toThrowError(/timbre hammer/);
    const look = [{ soundClass: 'hammer' as const, form: source!.form }];
    expect(() => assertDisjoint([train, { ...unseen, objects: look }])).toThrowError(/look hammer/);
    expect(() => assertDisjoint([train, { ...unseen, venue: 'room' }])).toThrowError(/place room/);
    expect(() => assertDisjoint([{ ...train, venue: 'tiled' }])).toThrowError(/place tiled/);
  });
});
