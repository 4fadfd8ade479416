import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateCorpus } from '#learning/corpus/generate-corpus';
import { type GroundTruth, type ManifestEntry, readManifest } from '#learning/corpus/manifest';
import { loadRecordings } from '#learning/corpus/recordings/library';
import { performAll } from '#learning/corpus/sound/perform';
import { decodeFrames } from '#media/decode';
import { readWav, writeWav } from '#media/wav';

const RATE_HZ = 16_000;
const CLASS = 'vacuum-cleaner';
const OPTIONS = {
  seed: 5,
  classes: [CLASS] as const,
  clips: { train: 2, validation: 1, test: 1 },
  durationSec: 3,
  frameRateHz: 10,
  frameSize: 96,
  crf: 24,
  threads: 1,
};

let parent: string;
let tree: string;
let folder: string;

/** A package tree with one class: a red disc that beeps for a third of a second at `hz`. */
async function makeTree(root: string, hz: number, colour = 'red'): Promise<void> {
  const household = path.join(root, 'usr/share/tuxpaint/stamps/household');
  await mkdir(household, { recursive: true });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="100"><circle cx="40" cy="50" r="36" fill="${colour}"/></svg>`;
  await writeFile(path.join(household, 'vacuum_cleaner.svg'), svg);
  const samples = new Float32Array(RATE_HZ * 0.8);
  for (let i = 0.2 * RATE_HZ; i < 0.5 * RATE_HZ; i++) {
    samples[i] = 0.5 * Math.sin((2 * Math.PI * hz * i) / RATE_HZ);
  }
  const file = path.join(household, 'vacuum_cleaner.wav');
  await writeWav(file, samples, RATE_HZ, 16);
  await writeFile(path.join(household, 'vacuum_cleaner.ogg'), await readFile(file));
}

beforeAll(async () => {
  parent = await mkdtemp(path.join(os.tmpdir(), 'earshot-recorded-'));
  tree = path.join(parent, 'tree');
  folder = path.join(parent, 'corpus');
  await makeTree(tree, 600);
  await generateCorpus({ ...OPTIONS, folder, mediaSources: tree });
}, 180_000);

afterAll(() => rm(parent, { recursive: true, force: true }));

async function fullTruthOf(entry: ManifestEntry): Promise<GroundTruth> {
  return JSON.parse(await readFile(path.join(folder, entry.groundTruth), 'utf8')) as GroundTruth;
}

async function truthOf(entry: ManifestEntry): Promise<GroundTruth['sources'][number]> {
  return (await fullTruthOf(entry)).sources[0] as GroundTruth['sources'][number];
}

/** Frequency of the strongest sound, from its zero crossings between two times. */
function frequencyHz(samples: Float32Array, fromSec: number, toSec: number): number {
  let crossings = 0;
  for (let i = Math.round(fromSec * RATE_HZ); i < toSec * RATE_HZ; i++) {
    if ((samples[i] as number) < 0 !== (samples[i + 1] as number) < 0) crossings++;
  }
  return crossings / 2 / (toSec - fromSec);
}

describe('a corpus made from a recording and a picture', () => {
  it('plays the recording as calls, shifted together as told, each an event where it begins to sound', async () => {
    for (const entry of await readManifest(folder, 'train')) {
      const { events, recording, stem } = await truthOf(entry);
      const { samples } = await readWav(path.join(folder, 'train', stem));
      expect(events.length).toBeGreaterThan(1);
      for (const { startSec } of events.filter((event) => event.startSec < 2.5)) {
        const hz = frequencyHz(samples, startSec + 0.03, startSec + 0.2);
        expect(12 * Math.log2(hz / 600) - (recording?.semitones as number)).toBeCloseTo(0, 0);
        const before = samples.subarray(Math.round((startSec - 0.05) * RATE_HZ), startSec * RATE_HZ);
        const after = samples.subarray(startSec * RATE_HZ, Math.round((startSec + 0.05) * RATE_HZ));
        const energy = (part: Float32Array) => part.reduce((sum, value) => sum + value * value, 0);
        expect(energy(after)).toBeGreaterThan(10 * energy(before));
      }
    }
  });

  it('shows the picture and moves it at onsets, inside boxes that the truth tells', async () => {
    const [entry] = (await readManifest(folder, 'train')) as [ManifestEntry];
    const { object, events } = await truthOf(entry);
    const boxes = (await fullTruthOf(entry)).objects[object ?? -1]?.boxes ?? [];
    expect(boxes.length).toBeGreaterThan(0);
    for (const { width, height } of boxes) expect(width * height).toBeGreaterThan(0.03);
    const video = await decodeFrames(path.join(folder, entry.file), {
      rateHz: 10,
      width: 96,
      height: 96,
    });
    const change = (index: number) => {
      const size = 96 * 96 * 3;
      const [a, b] = [index, index + 1].map((at) => video.data.subarray(at * size, (at + 1) * size));
      return (a as Uint8Array).reduce(
        (sum, value, i) => sum + Math.abs(value - ((b as Uint8Array)[i] ?? 0)),
        0,
      );
    };
    const moving = events
      .filter(({ startSec }) => startSec < 2.7)
      .map(({ startSec }) => Math.floor(startSec * 10));
    const mean = (indices: number[]) => indices.reduce((sum, i) => sum + change(i), 0) / indices.length;
    const resting = Array.from({ length: Math.max(0, (moving[0] as number) - 1) }, (_, i) => i);
    expect(resting.length).toBeGreaterThan(0);
    expect(mean(moving)).toBeGreaterThan(1.3 * mean(resting));
  });

  it('is the same for the same files, and has other contents where the picture or the sound changes', async () => {
    const hashOf = async (name: string, root: string) => {
      const made = await generateCorpus({
        ...OPTIONS,
        clips: { train: 1, validation: 0, test: 0 },
        folder: path.join(parent, name),
        mediaSources: root,
      });
      return made.splits.train?.manifestSha256;
    };
    await makeTree(path.join(parent, 'blue'), 600, 'blue');
    await makeTree(path.join(parent, 'higher'), 660);
    const first = await hashOf('b', tree);
    expect(await hashOf('c', tree)).toBe(first);
    expect(await hashOf('d', path.join(parent, 'blue'))).not.toBe(first);
    expect(await hashOf('e', path.join(parent, 'higher'))).not.toBe(first);
  }, 180_000);

  it('names the packages where they are missing, and the licence where it forbids a class', async () => {
    const options = { mediaSources: path.join(parent, 'nowhere'), gplSources: false, workDir: parent };
    await expect(loadRecordings([CLASS], options)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('apt-get install tuxpaint-stamps-default gcompris-qt-data'),
    });
    await expect(loadRecordings(['cow'], options)).rejects.toMatchObject({
      code: 'invalid_argument',
      subject: 'cow',
    });
    expect(await loadRecordings(['dog', 'piano'], options)).toEqual(new Map());
  });

  it('does not bind a folder to recordings that are not there', async () => {
    const [unbound, missing] = [path.join(parent, 'unbound'), path.join(parent, 'nowhere')];
    const clips = { train: 1, validation: 0, test: 0 };
    await expect(
      generateCorpus({ ...OPTIONS, clips, folder: unbound, mediaSources: missing }),
    ).rejects.toMatchObject({ code: 'invalid_argument' });
    const made = await generateCorpus({
      ...OPTIONS,
      clips,
      folder: unbound,
      classes: ['dog'],
      recordings: 'none',
    });
    expect(made.splits.train?.clips).toBe(1);
  }, 120_000);

  it('keeps one choice of recordings to a folder', async () => {
    await expect(
      generateCorpus({ ...OPTIONS, folder, mediaSources: tree, recordings: 'all' }),
    ).rejects.toMatchObject({ code: 'conflict' });
  });

  it('divides a long recording among the splits, so that none hears what another does', async () => {
    const library = await loadRecordings([CLASS], { mediaSources: tree, gplSources: false, workDir: parent });
    const [short] = library.get(CLASS) as [NonNullable<ReturnType<typeof library.get>>[number]];
    // A rising tone: its frequency tells the place in the recording.
    const samples = new Float32Array(20 * RATE_HZ);
    let phase = 0;
    for (let i = 0; i < samples.length; i++) {
      phase += (2 * Math.PI * (200 + (2000 * i) / samples.length)) / RATE_HZ;
      samples[i] = Math.sin(phase);
    }
    const long = new Map([
      [CLASS, [{ ...short, samples, parts: [{ from: 0, to: samples.length }] }]],
    ] as const);
    for (const [split, low, high] of [
      ['train', 200, 1400],
      ['validation', 1400, 1700],
      ['test', 1700, 2200],
    ] as const) {
      const requests = [0, 1, 2].map(
        (index) => ({ soundClass: CLASS, split, index, durationSec: 3 }) as const,
      );
      for await (const played of performAll(requests, { seed: 2, recordings: long, workDir: parent })) {
        const shift = 2 ** ((played.recording?.semitones as number) / 12);
        for (const { startSec } of played.events.slice(0, 2)) {
          const hz = frequencyHz(played.samples, startSec + 0.05, startSec + 0.25) / shift;
          expect(hz, split).toBeGreaterThan(low * 0.94);
          expect(hz, split).toBeLessThan(high * 1.06);
        }
      }
    }
  });
});
