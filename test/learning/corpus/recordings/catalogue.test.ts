import { access, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORDED_CLASSES, SOUND_CLASSES } from '#learning/corpus/performance';
import {
  isOpen,
  RECORDED_MEMBERS,
  type RecordedMember,
  recordedClasses,
} from '#learning/corpus/recordings/catalogue';
import {
  INSTALLED_MEDIA,
  loadRecordings,
  loadSprite,
  type RecordingLibrary,
} from '#learning/corpus/recordings/library';

const key = ({ file, entry }: RecordedMember['sound']) => `${file}:${entry ?? ''}`;

describe('the catalogue of recordings', () => {
  it('has a seen member for every class, and shares no picture and no recording between members', () => {
    const seen = RECORDED_MEMBERS.filter(({ group }) => group === 'seen').map(({ soundClass }) => soundClass);
    expect(new Set(seen)).toEqual(new Set(RECORDED_CLASSES));
    const files = RECORDED_MEMBERS.flatMap(({ picture, sound }) => [key(picture), key(sound)]);
    expect(new Set(files).size).toBe(files.length);
    expect(new Set(RECORDED_MEMBERS.map(({ id }) => id)).size).toBe(RECORDED_MEMBERS.length);
  });

  it('holds one member out of every class that has two or more under the same choice of licences', () => {
    for (const soundClass of RECORDED_CLASSES) {
      const members = RECORDED_MEMBERS.filter((member) => member.soundClass === soundClass);
      const heldOut = members.filter(({ group }) => group === 'unseen');
      expect(heldOut.length, soundClass).toBe(members.length > 1 ? 1 : 0);
    }
  });

  it('keeps everything under a GPL out unless it is asked for', () => {
    const open = recordedClasses(false);
    expect(open.length).toBeGreaterThanOrEqual(4);
    expect(open).not.toContain('cow');
    expect(recordedClasses(true)).toEqual([...RECORDED_CLASSES]);
    const members = RECORDED_MEMBERS.filter((member) => isOpen(member));
    for (const { picture, sound } of members)
      expect(`${picture.licence} ${sound.licence}`).not.toMatch('GPL');
    expect(SOUND_CLASSES.slice(-RECORDED_CLASSES.length)).toEqual([...RECORDED_CLASSES]);
  });
});

/** Set to the folder of an unpacked package tree where the packages are not installed. */
const root = process.env.EARSHOT_TEST_MEDIA_SOURCES ?? INSTALLED_MEDIA;
const missing = (
  await Promise.all(
    [...new Set(RECORDED_MEMBERS.flatMap(({ picture, sound }) => [picture.file, sound.file]))].map((file) =>
      access(path.join(root, file)).then(
        () => [],
        () => [file],
      ),
    ),
  )
).flat();
const title =
  missing.length === 0
    ? 'the packages of recordings'
    : 'the packages of recordings (skipped: apt-get install tuxpaint-stamps-default gcompris-qt-data)';

describe.skipIf(missing.length > 0)(title, () => {
  let workDir: string;
  let library: RecordingLibrary;

  beforeAll(async () => {
    workDir = await mkdtemp(path.join(os.tmpdir(), 'earshot-recordings-'));
    library = await loadRecordings(RECORDED_CLASSES, { mediaSources: root, gplSources: true, workDir });
  }, 300_000);

  afterAll(() => rm(workDir, { recursive: true, force: true }));

  it('have a recording of every member, each its own, with something to hear in it', () => {
    const recordings = [...library.values()].flat();
    expect(recordings.map(({ member }) => member.id).sort()).toEqual(
      RECORDED_MEMBERS.map(({ id }) => id).sort(),
    );
    expect(new Set(recordings.map(({ soundSha256 }) => soundSha256)).size).toBe(recordings.length);
    expect(new Set(recordings.map(({ pictureSha256 }) => pictureSha256)).size).toBe(recordings.length);
    for (const { member, parts, samples } of recordings) {
      expect(samples.length, member.id).toBeGreaterThan(0.15 * 16_000);
      for (const { from, to } of parts) expect(to, member.id).toBeGreaterThan(from);
    }
  });

  it('have a picture of every member, cut out', async () => {
    for (const { id } of RECORDED_MEMBERS) {
      const { image } = await loadSprite(id, root);
      const { data } = image.getContext('2d').getImageData(0, 0, image.width, image.height);
      const alphas = Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 3] as number);
      const share = alphas.filter((alpha) => alpha > 128).length / alphas.length;
      expect(share, id).toBeGreaterThan(0.12);
      expect(share, id).toBeLessThan(1);
    }
  }, 60_000);
});
