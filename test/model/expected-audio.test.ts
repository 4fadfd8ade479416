import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { decodeFrames, decodeSamples } from '#media/decode';
import type { EmbeddingModel, FrameBlock } from '#model/embedding-model';
import { type MotionRhythm, motionRhythm } from '#model/front-ends/motion-rhythm';
import { loadEmbeddingModel } from '#model/load-model';
import { expectationSentence, expectedSounds } from '#model/network/expected-audio';
import { uncalibrated } from '#model/network/scene';

const SIZE = 16;

/** A square that jumps at some frames, before a background that does or does not tremble. */
function frames(count: number, jumps: readonly number[], tremble = 0): Uint8Array {
  const random = new SeededRandom(7);
  const data = new Uint8Array(count * SIZE * SIZE * 3);
  let at = 0;
  for (let frame = 0; frame < count; frame++) {
    if (jumps.includes(frame)) at = (at + 5) % 11;
    for (let i = 0; i < SIZE * SIZE; i++) {
      const [x, y] = [i % SIZE, Math.floor(i / SIZE)];
      const isSquare = x >= at && x < at + 5 && y >= 5 && y < 10;
      const value = (isSquare ? 220 : 60) + tremble * random.normal();
      data.fill(value, (frame * SIZE * SIZE + i) * 3, (frame * SIZE * SIZE + i + 1) * 3);
    }
  }
  return data;
}

describe('the rhythm of motion', () => {
  const rhythm = (data: Uint8Array, count: number) =>
    motionRhythm(data, { count, width: SIZE, height: SIZE }, 12.5);

  it.each([0, 4])('finds every planted stroke and no other, with noise of %i levels', (tremble) => {
    const jumps = [5, 12, 25, 40, 44];
    const { onsetsSec, onsetsPerSec } = rhythm(frames(50, jumps, tremble), 50);
    expect(onsetsSec).toEqual(jumps.map((frame) => frame / 12.5));
    expect(onsetsPerSec).toBeCloseTo(5 / 4, 9);
  });

  it('finds nothing in a still picture, or in a single frame', () => {
    expect(rhythm(frames(30, []), 30)).toEqual({ onsetsPerSec: 0, onsetsSec: [], motionPerSec: 0 });
    expect(rhythm(frames(1, []), 1)).toMatchObject({ onsetsPerSec: 0, motionPerSec: 0 });
  });

  it('refuses data that is not the frames it is said to be', () => {
    expect(() => rhythm(frames(3, []), 4)).toThrow(expect.objectContaining({ code: 'shape_mismatch' }));
  });
});

describe('the sentence', () => {
  const motion: MotionRhythm = { onsetsPerSec: 2.4, onsetsSec: [], motionPerSec: 0.2 };
  const still: MotionRhythm = { onsetsPerSec: 0, onsetsSec: [], motionPerSec: 0 };
  const sounds = [
    { label: 'dog', score: 0.6, probability: 0.71 },
    { label: 'car', score: 0.4, probability: 0.18 },
    { label: 'harp', score: 0.1, probability: 0.02 },
  ];

  it('says what the evidence says, as sure as that is', () => {
    const neighbours = ['dog 1', 'kennel', 'dog 1'].map((title) => ({ title, score: 0.5 }));
    expect(expectationSentence({ sounds, isNear: true, neighbours, motion })).toBe(
      'Probably dog (71 %), perhaps car (18 %); loud, with about 2.4 onsets a second; the nearest sounds are "dog 1" and "kennel".',
    );
  });

  it('says that nothing is known rather than name something', () => {
    expect(expectationSentence({ sounds, isNear: false, neighbours: [], motion: still })).toBe(
      'Nothing that the labels name is near, dog comes nearest; nothing moves, so nothing tells when or how loud it sounds.',
    );
    expect(expectationSentence({ sounds: [], isNear: false, neighbours: [], motion })).toBe(
      'Loud, with about 2.4 onsets a second.',
    );
  });
});

describe('20 different scenes', () => {
  const root = path.join(import.meta.dirname, '..', '..');
  const folder = path.join(root, 'test', 'fixtures', 'clips');
  const entries: { file: string; labels: string[] }[] = readFileSync(
    path.join(folder, 'manifest.jsonl'),
    'utf8',
  )
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const labelOf = ({ labels }: { labels: string[] }) => labels[0] as string;
  // The first clip of each class shows its label's sound; scenes are the second ones, and two of the first.
  const shown = entries.filter((entry, i) => entries.findIndex((e) => labelOf(e) === labelOf(entry)) === i);
  const scenes = [...entries.filter((entry) => !shown.includes(entry)), ...shown].slice(0, 20);
  let described: { label: string; best: string; sentence: string }[];

  beforeAll(async () => {
    const model = await loadEmbeddingModel(path.join(root, 'models', 'mini'));
    const heard: Record<string, Float32Array> = {};
    for (const entry of shown) heard[labelOf(entry)] = await soundOf(model, path.join(folder, entry.file));
    described = [];
    for (const entry of scenes) {
      const block = await framesOf(model, path.join(folder, entry.file));
      const [video] = await model.embedVideo([block]);
      const near = expectedSounds(video as Float32Array, heard, uncalibrated(14));
      const shape = { count: block.count, ...model.videoInput };
      const motion = motionRhythm(block.data, shape, model.videoInput.rateHz);
      const sentence = expectationSentence({ ...near, neighbours: [], motion });
      described.push({ label: labelOf(entry), best: nearestLabel(video as Float32Array, heard), sentence });
    }
    model.dispose();
  }, 300_000);

  it('have different sentences', () => {
    expect(described).toHaveLength(20);
    expect(new Set(described.map(({ sentence }) => sentence)).size).toBeGreaterThanOrEqual(12);
    const withoutNumbers = described.map(({ sentence }) => sentence.replaceAll(/[\d.]+/g, ''));
    expect(new Set(withoutNumbers).size).toBeGreaterThanOrEqual(12);
  });

  it('name their own class unless the model takes them for another', () => {
    const missing = described.filter(({ label, sentence }) => !sentence.includes(label)).length;
    const errors = described.filter(({ label, best }) => label !== best).length;
    expect(missing).toBeLessThanOrEqual(errors);
    // By chance 1 of 18 would be right.
    expect(errors).toBeLessThan(15);
  });
});

/** By the definition, beside the code that is tested. */
function nearestLabel(video: Float32Array, heard: Record<string, Float32Array>): string {
  const scored = Object.entries(heard).map(([label, audio]) => {
    const dot = audio.reduce((sum, value, i) => sum + value * (video[i] as number), 0);
    return { label, cosine: dot / Math.hypot(...audio) };
  });
  return scored.reduce((best, entry) => (entry.cosine > best.cosine ? entry : best)).label;
}

async function soundOf(model: EmbeddingModel, file: string): Promise<Float32Array> {
  const { sampleRateHz } = model.audioInput;
  const window = { startSec: 0, endSec: model.segments.lengthSec };
  const [vector] = await model.embedAudio([(await decodeSamples(file, { ...window, sampleRateHz })).data]);
  return vector as Float32Array;
}

async function framesOf(model: EmbeddingModel, file: string): Promise<FrameBlock> {
  const window = { startSec: 0, endSec: model.segments.lengthSec };
  const { data, count } = await decodeFrames(file, { ...window, ...model.videoInput });
  return { data, count };
}
