/** The reference class on the shipped model, one test for each operation it promises. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClassificationCalibration } from '#model/checkpoint/manifest';
import type { FrameBlock } from '#model/embedding-model';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';
import { AudioVisualCorrespondenceNetwork } from '#model/network/audio-visual-correspondence-network';
import { classifyByPrototype } from '#model/network/scene';
import { fingerprint, fingerprints } from '../../support/fingerprint.ts';
import { MINI, type SampleClip, sampleClips } from './sample-clips.ts';

const COUNT = 6;

let mini: AudioVisualCorrespondenceNetwork;
let clips: SampleClip[];
let first: SampleClip;
let audio: Float32Array[];
let video: Float32Array[];

beforeAll(async () => {
  mini = await AudioVisualCorrespondenceNetwork.fromFolder(MINI);
  clips = await sampleClips(mini, COUNT);
  [first] = clips as [SampleClip];
  audio = clips.map(({ waveform }) => mini.getAudioEmbedding(waveform));
  video = clips.map(({ frames }) => mini.getVisualEmbedding(frames));
});

afterAll(() => mini.dispose());

const cosine = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return null;
}

/** Changes every weight a little. */
function nudged(network: AudioVisualCorrespondenceNetwork) {
  return network
    .getParameters()
    .map((array) => ({ ...array, data: array.data.map((value) => value + 0.01) }));
}

describe('the shipped model answers', () => {
  it('getAudioEmbedding: a unit vector, the one that the catalog serves', async () => {
    const { dimension } = mini.modelMetadata();
    const served = await loadEmbeddingModel(MINI);
    const [vector] = await served.embedAudio([first.waveform]);
    served.dispose();
    expect(audio[0]).toHaveLength(dimension);
    expect(Math.hypot(...(audio[0] as Float32Array))).toBeCloseTo(1, 4);
    expect(mini.getAudioEmbedding(first.waveform, 16_000)).toEqual(audio[0]);
    expect(cosine(audio[0] as Float32Array, vector as Float32Array)).toBeCloseTo(1, 5);
    expect(cosine(audio[0] as Float32Array, audio[1] as Float32Array)).toBeLessThan(0.99);
  });

  it('getVisualEmbedding: a unit vector, the one that the catalog serves, for bytes and floats alike', async () => {
    const served = await loadEmbeddingModel(MINI);
    const [vector] = await served.embedVideo([first.frames as FrameBlock]);
    served.dispose();
    const floats = Float32Array.from(first.frames.data, (value) => value / 255);
    const again = mini.getVisualEmbedding({ data: floats, count: first.frames.count });
    expect(Math.hypot(...(video[0] as Float32Array))).toBeCloseTo(1, 4);
    expect(cosine(video[0] as Float32Array, vector as Float32Array)).toBeCloseTo(1, 5);
    expect(cosine(video[0] as Float32Array, again)).toBeCloseTo(1, 5);
  });

  it('embeddings of clips longer than a segment: the mean of their segments, scaled to unit length', () => {
    const long = new Float32Array(2 * 80_000);
    long.set((clips[0] as SampleClip).waveform.subarray(0, 80_000));
    long.set((clips[1] as SampleClip).waveform.subarray(0, 80_000), 80_000);
    const parts = [0, 40_000, 80_000].map((at) => mini.getAudioEmbedding(long.slice(at, at + 80_000)));
    const mean = Float32Array.from(parts[0] as Float32Array, (_, i) =>
      parts.reduce((sum, part) => sum + (part[i] as number) / parts.length, 0),
    );
    const unit = mean.map((value) => value / Math.hypot(...mean));
    expect(cosine(mini.getAudioEmbedding(long), unit)).toBeCloseTo(1, 5);
  });

  it('computeCorrespondence: the cosine, higher for what belongs together', () => {
    const { score, probability } = mini.computeCorrespondence(first.waveform, first.frames);
    expect(score).toBeCloseTo(cosine(audio[0] as Float32Array, video[0] as Float32Array), 6);
    const mean = (shift: number) =>
      audio.reduce((sum, a, i) => sum + cosine(a, video[(i + shift) % COUNT] as Float32Array), 0) / COUNT;
    expect(mean(0)).toBeGreaterThan(mean(1) + 0.2);
    if (!mini.modelMetadata().calibration?.correspondence) {
      expect(probability).toBeNull();
      expect(caught(() => mini.correspondenceProbability(first.waveform, first.frames))).toMatchObject({
        code: 'not_trained',
        subject: 'correspondenceProbability',
      });
    }
  });

  it('computeCorrespondence: a probability as well, once it is calibrated; it stays with the model', async () => {
    const calibrated = mini.clone();
    const fit = calibrated.calibrateCorrespondence(clips);
    expect(fit.slope).toBeGreaterThan(0);
    const match = calibrated.correspondenceProbability(first.waveform, first.frames);
    const mismatch = calibrated.correspondenceProbability(first.waveform, (clips[4] as SampleClip).frames);
    expect(match).toBeGreaterThan(mismatch);
    const kept = await AudioVisualCorrespondenceNetwork.deserialize(calibrated.serialize());
    expect(kept.correspondenceProbability(first.waveform, first.frames)).toBe(match);
    // Other weights need a calibration of their own.
    kept.updateParameters(nudged(kept));
    expect(kept.computeCorrespondence(first.waveform, first.frames).probability).toBeNull();
    kept.dispose();
    calibrated.dispose();
  });

  it('retrieveAudioFromVisuals: the best topK with their cosines', () => {
    const found = mini.retrieveAudioFromVisuals(first.frames, audio);
    expect(found).toHaveLength(COUNT);
    const scores = audio.map((vector) => cosine(vector, video[0] as Float32Array));
    expect(found.map(({ index }) => index)).toEqual(
      [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number)),
    );
    expect(found[0]?.score).toBeCloseTo(Math.max(...scores), 4);
    expect(mini.retrieveAudioFromVisuals(first.frames, audio, 2)).toEqual(found.slice(0, 2));
    expect(mini.retrieveAudioFromVisuals(first.frames, [])).toEqual([]);
  });

  it('retrieveVisualsFromAudio: ten unless told, ties by index, a known embedding as the query', () => {
    const query = { embedding: audio[0] as Float32Array };
    const found = mini.retrieveVisualsFromAudio(first.waveform, video, 3);
    expect(mini.retrieveVisualsFromAudio(query, video, 3)).toEqual(found);
    const best = video[found[0]?.index as number] as Float32Array;
    const other = video[found[2]?.index as number] as Float32Array;
    const database = [other, ...Array.from({ length: 12 }, () => best)];
    expect(mini.retrieveVisualsFromAudio(query, database).map(({ index }) => index)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
  });

  it('predict: both embeddings and their score in one answer', () => {
    const prediction = mini.predict(first.waveform, first.frames);
    expect(prediction.audioEmbedding).toEqual(audio[0]);
    expect(prediction.visualEmbedding).toEqual(video[0]);
    expect(prediction.score).toBe(mini.computeCorrespondence(first.waveform, first.frames).score);
  });

  it('train and lastLoss: steps on pairs that are new to it lower their loss', () => {
    const network = mini.clone();
    expect(network.lastLoss).toBeNull();
    // Sounds exchanged: nothing that the model knows already.
    const pairs = clips.slice(0, 3).map(({ frames }, i) => ({
      frames,
      waveform: (clips[(i + 1) % 3] as SampleClip).waveform,
    }));
    const losses = Array.from({ length: 6 }, () => network.train(pairs, { learningRate: 1e-3 }));
    expect(network.lastLoss).toBe(losses.at(-1));
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) * 0.7);
    network.dispose();
  });

  it('train: a pair alone is told from noise, later pairs from the earlier ones', () => {
    const network = mini.clone();
    const [a, b] = clips as [SampleClip, SampleClip];
    const alone = network.train(a);
    expect(Number.isFinite(alone)).toBe(true);
    expect(network.getAudioEmbedding(a.waveform)).not.toEqual(audio[0]);
    network.train(b);
    // Remembered as pairs of their own, they go on as in the original.
    const copy = network.clone();
    expect(copy.train(a)).toBe(network.train(a));
    expect(fingerprint(copy.serialize())).toBe(fingerprint(network.serialize()));
    copy.dispose();
    network.dispose();
  });

  it('learnCorrespondence: learns, reports its loss, and leaves the weights alone when it is stopped', async () => {
    const network = mini.clone();
    const before = fingerprint(network.serialize());
    const stop = new AbortController();
    const stopped = network.learnCorrespondence(clips.slice(0, 2), {
      epochs: 5,
      signal: stop.signal,
      onStep: () => stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    expect(fingerprint(network.serialize())).toBe(before);
    const result = await network.learnCorrespondence(clips.slice(0, 2), { epochs: 1 });
    expect(result.step).toBe(1);
    expect(network.lastLoss).toBe(result.lastLoss);
    expect(fingerprint(network.serialize())).not.toBe(before);
    expect(network.modelMetadata().version).not.toBe(mini.modelMetadata().version);
    network.dispose();
  });

  it('inputGradients: one for each sample and pixel, along which the score rises', () => {
    const { samples, pixels, score } = mini.inputGradients(first.waveform, first.frames);
    expect(samples).toHaveLength(first.waveform.length);
    expect(pixels).toHaveLength(first.frames.data.length);
    const length = Math.hypot(Math.sqrt(cosine(samples, samples)));
    const louder = first.waveform.map((value, i) => value + (1e-3 * (samples[i] as number)) / length);
    expect(mini.computeCorrespondence(louder, first.frames).score).toBeGreaterThan(score);
  });

  it('parameterCount and getParameters: copies of all arrays, weights first', () => {
    const parameters = mini.getParameters();
    const counted = parameters
      .filter(({ name }) => !/\/(mean|variance)$/.test(name))
      .reduce((sum, { data }) => sum + data.length, 0);
    expect(mini.parameterCount).toBe(counted);
    expect(mini.parameterCount).toBe(mini.modelMetadata().parameterCount);
    parameters[0]?.data.fill(7);
    expect(mini.getParameters()[0]?.data[0]).not.toBe(7);
  });

  it('setParameters and updateParameters: new values in the same layout, back again to the bit', () => {
    const network = mini.clone();
    const original = network.getParameters();
    const other = nudged(network);
    network.setParameters(other);
    expect(fingerprints(network.getParameters())).toEqual(fingerprints(other));
    expect(network.getAudioEmbedding(first.waveform)).not.toEqual(audio[0]);
    network.updateParameters(original.slice(0, 3));
    expect(fingerprints(network.getParameters().slice(0, 4))).toEqual([
      ...fingerprints(original.slice(0, 3)),
      ...fingerprints(other.slice(3, 4)),
    ]);
    network.updateParameters(original);
    expect(network.getAudioEmbedding(first.waveform)).toEqual(audio[0]);
    network.dispose();
  });

  it('modelMetadata: what the folder says, as a copy', () => {
    const metadata = mini.modelMetadata();
    expect(metadata).toMatchObject({ id: 'mini', optimizer: 'adamw' });
    expect(metadata.frontEnds.audio.sampleRateHz).toBe(16_000);
    metadata.frontEnds.audio.bands = 1;
    expect(mini.modelMetadata().frontEnds.audio.bands).not.toBe(1);
  });

  it('serialize and deserialize: the same numbers and bytes; damage is found', async () => {
    const bytes = mini.serialize();
    const back = await AudioVisualCorrespondenceNetwork.deserialize(bytes);
    expect(fingerprints(back.getParameters())).toEqual(fingerprints(mini.getParameters()));
    expect(back.modelMetadata()).toEqual(mini.modelMetadata());
    expect(fingerprint(back.serialize())).toBe(fingerprint(bytes));
    expect(back.getVisualEmbedding(first.frames)).toEqual(video[0]);
    back.dispose();
    const damaged = bytes.slice();
    damaged[damaged.length - 5] = (damaged[damaged.length - 5] as number) ^ 1;
    for (const bad of [damaged, bytes.subarray(0, 1000), new Uint8Array(3)]) {
      await expect(AudioVisualCorrespondenceNetwork.deserialize(bad)).rejects.toMatchObject({
        code: 'checkpoint_invalid',
      });
    }
  });

  it('toFolder: a model folder that the product reads', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-network-'));
    const network = mini.clone();
    network.train(clips.slice(0, 2));
    const manifest = await network.toFolder(folder, { id: 'mine' });
    const back = await AudioVisualCorrespondenceNetwork.fromFolder(folder);
    expect(fingerprints(back.getParameters())).toEqual(fingerprints(network.getParameters()));
    expect(back.modelMetadata()).toMatchObject({ id: 'mine', version: manifest.version });
    expect(manifest.version).not.toBe(mini.modelMetadata().version);
    back.dispose();
    network.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  it('clone: answers alike and shares nothing', () => {
    const copy = mini.clone();
    expect(copy.getAudioEmbedding(first.waveform)).toEqual(audio[0]);
    copy.updateParameters(nudged(copy));
    expect(copy.getAudioEmbedding(first.waveform)).not.toEqual(audio[0]);
    expect(mini.getAudioEmbedding(first.waveform)).toEqual(audio[0]);
    copy.dispose();
    expect(mini.getAudioEmbedding(first.waveform)).toEqual(audio[0]);
  });

  it('classifyScene: by prototypes, whatever the order of the labels; an unknown label is named', () => {
    const prototypes = Object.fromEntries(clips.map(({ label }, i) => [label, audio[i] as Float32Array]));
    const labels = clips.map(({ label }) => label);
    const { waveform, frames } = first;
    const scene = mini.classifyScene(waveform, frames, labels, prototypes);
    const { scores } = scene;
    expect(scores.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
    expect([...scores].sort((a, b) => b.probability - a.probability)[0]?.label).toBe(first.label);
    expect(scene.verdict).toBe(first.label);
    const turned = mini.classifyScene(waveform, frames, [...labels].reverse(), prototypes);
    expect(turned.scores.reverse()).toEqual(scores);
    expect(turned).toMatchObject({ verdict: scene.verdict, nearness: scene.nearness });
    const heard = mini.classifyScene(waveform, null, labels, prototypes);
    expect(heard).toMatchObject({ scores: scene.audio, audio: scene.audio, video: null });
    const unknown = caught(() => mini.classifyScene(waveform, frames, ['piano', 'toString'], prototypes));
    expect(unknown).toMatchObject({ code: 'invalid_argument', subject: 'labels[1]' });
    expect((unknown as Error).message).toContain('toString');
    expect(caught(() => mini.classifyScene(waveform, frames, labels))).toMatchObject({
      code: 'not_trained',
      subject: 'classifyScene',
    });
  });

  it('classifyScene: sound and picture fused by the gate, as the catalog serves it, whatever the order of the labels', async () => {
    const labels = clips.map(({ label }) => label);
    const prototypes = Object.fromEntries(
      labels.map((label, i) => [label, { audio: audio[i] as Float32Array, video: video[i] as Float32Array }]),
    );
    const { waveform, frames } = clips[1] as SampleClip;
    const scene = mini.classifyScene(waveform, frames, labels, prototypes);
    const served = await loadEmbeddingModel(MINI);
    const [heard] = await served.embedAudio([waveform]);
    const [seen] = await served.embedVideo([frames as FrameBlock]);
    served.dispose();
    const { calibration } = await readModelInfo(MINI);
    const classification = calibration?.classification as ClassificationCalibration;
    expect(classification.fused.gate?.weights).toHaveLength(2 * mini.modelMetadata().dimension);
    const turned = [...labels].reverse();
    const answer = classifyByPrototype({ audio: heard, video: seen }, turned, prototypes, classification);
    expect(answer.verdict).toBe(scene.verdict);
    answer.scores.reverse().forEach(({ label, probability }, i) => {
      expect(label).toBe(scene.scores[i]?.label);
      expect(Math.abs(probability - (scene.scores[i]?.probability as number))).toBeLessThan(1e-4);
    });
  });

  it('describeExpectedAudio: from the nearest sounds and titles, in a sentence that says no more', () => {
    const prototypes = Object.fromEntries(clips.map(({ label }, i) => [label, audio[i] as Float32Array]));
    const titled = clips.map(({ label }, i) => ({
      title: `the ${label}`,
      embedding: audio[i] as Float32Array,
    }));
    const { sounds, neighbours, sentence } = mini.describeExpectedAudio(first.frames, {
      prototypes,
      clips: titled,
    });
    expect(sentence).toContain(sounds[0]?.label);
    expect(neighbours[0]?.title).toBe(`the ${sounds[0]?.label}`);
    expect(sounds[0]?.score).toBeCloseTo(neighbours[0]?.score as number, 6);
    expect(sentence).toContain(neighbours[0]?.title);
  });

  it('checkSynchronization: the offset of a sound that was moved, and nothing for silence and a still picture', () => {
    const SHIFT_SEC = 0.4;
    const shift = SHIFT_SEC * 16_000;
    const answered = clips.flatMap(({ waveform, frames }) => {
      const [own, early] = [waveform, waveform.subarray(shift)].map((sound) =>
        mini.checkSynchronization(sound, frames),
      );
      return own?.offsetSec == null || early?.offsetSec == null ? [] : [early.offsetSec - own.offsetSec];
    });
    expect(answered.length).toBeGreaterThan(0);
    for (const moved of answered) expect(Math.abs(moved - SHIFT_SEC)).toBeLessThan(0.1);
    const nothing = { offsetSec: null, verdict: 'not_synchronizable' };
    const silence = new Float32Array(first.waveform.length);
    expect(mini.checkSynchronization(silence, first.frames)).toMatchObject(nothing);
    const { data, count } = first.frames;
    const size = data.length / count;
    const still = data.map((_, i) => data[i % size] as number);
    expect(mini.checkSynchronization(first.waveform, { data: still, count })).toMatchObject(nothing);
  });

  it('not_trained, naming the operation, where it has no head', () => {
    const { waveform, frames } = first;
    const operations = {
      separateAudioByVisual: () => mini.separateAudioByVisual(waveform, frames),
      describeExpectedAudio: () => mini.describeExpectedAudio(frames),
    };
    for (const [subject, run] of Object.entries(operations)) {
      const error = caught(run);
      expect(error).toMatchObject({ code: 'not_trained', subject });
      expect((error as Error).message).toContain(subject);
    }
  });
});
