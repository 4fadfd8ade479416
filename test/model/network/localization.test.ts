/** Localization on the shipped towers with heads of random weights: the contract holds for any head. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTwoTowerManifest } from '#model/checkpoint/checkpoint';
import type { ModelManifest } from '#model/checkpoint/manifest';
import { writeGrouping, writeLocalizationHead } from '#model/checkpoint/tower-heads';
import { ParameterStore } from '#model/layers/parameters';
import { loadEmbeddingModel } from '#model/load-model';
import { loadNetwork } from '#model/load-network';
import { GroupingNetwork } from '#model/localization/grouping-network';
import { LocalizationHead } from '#model/localization/localization-head';
import { localizationHeadOptions } from '#model/localization/tensorflow-localizer';
import { GROUPING_ARRAYS, groupingOptions } from '#model/localization/tensorflow-source-localizer';
import { AudioVisualCorrespondenceNetwork } from '#model/network/audio-visual-correspondence-network';
import { groupingGraph } from '#model/onnx/grouping-graph';
import { localizationGraph } from '#model/onnx/localization-graphs';
import type { TwoTowerNetwork } from '#model/towers/two-tower';
import { unsettle } from '../onnx/parity.ts';
import { MINI, type SampleClip, sampleClips } from './sample-clips.ts';

const WIDTH = 8;
const PLATT = { slope: 1, intercept: 0 };

let folder: string;
let mini: AudioVisualCorrespondenceNetwork;
let first: SampleClip;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-head-'));
  await cp(MINI, folder, { recursive: true });
  await addHead(folder);
  mini = await AudioVisualCorrespondenceNetwork.fromFolder(folder);
  [first] = (await sampleClips(mini, 1)) as [SampleClip];
});
afterAll(async () => {
  mini.dispose();
  await rm(folder, { recursive: true, force: true });
});

async function addHead(into: string): Promise<void> {
  const manifest = await readTwoTowerManifest(into);
  const network = await loadNetwork(into, manifest);
  const store = new ParameterStore(network.engine, 5);
  const head = new LocalizationHead(store, 'localization', localizationHeadOptions(network.options, WIDTH));
  unsettle(store, 6);
  const localizing = await writeLocalizationHead(into, manifest, {
    ...{ width: WIDTH, arrays: store.snapshot(), parameterCount: 1, training: {} },
    graph: localizationGraph(network.video, head),
    calibration: { map: PLATT, confidence: PLATT, mapThreshold: 0.5, threshold: 0.5 },
  });
  store.dispose();
  await addGrouping(into, localizing, network);
  network.dispose();
}

async function addGrouping(into: string, manifest: ModelManifest, network: TwoTowerNetwork): Promise<void> {
  const shape = { width: 16, labels: ['bird', 'dog', 'harp'], grouping: true };
  const store = new ParameterStore(network.engine, 7);
  const options = groupingOptions(network.options, shape);
  const grouping = new GroupingNetwork(store, GROUPING_ARRAYS, options);
  unsettle(store, 8);
  await writeGrouping(into, manifest, {
    ...{ ...shape, arrays: store.snapshot(), parameterCount: 1, training: {} },
    graph: groupingGraph(network.video, grouping),
    // Low enough that any weights find something somewhere.
    calibration: {
      map: { slope: 1, intercept: 4 },
      source: { slope: 1, intercept: 8 },
      mapThreshold: 0.5,
      threshold: 0,
    },
  });
  store.dispose();
}

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return null;
}

describe('localizeSoundSource', () => {
  it('answers a map a frame on an absolute scale, the one that the catalog serves', async () => {
    const { waveform, frames } = first;
    const chosen = [0, 20, 41];
    const found = mini.localizeSoundSource(waveform, frames, { frames: chosen });
    expect(found.frames).toEqual(chosen);
    for (const map of found.maps) {
      expect(map).toHaveLength(96 * 96);
      expect(map.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
    // A map does not depend on which others were asked for: nothing is stretched to the clip.
    const alone = mini.localizeSoundSource(waveform, frames, { frames: [20] });
    alone.maps[0]?.forEach((value, i) => {
      expect(Math.abs(value - (found.maps[1]?.[i] as number))).toBeLessThan(1e-5);
    });
    const served = await loadEmbeddingModel(folder);
    const answer = await served.localize?.({
      waveform: waveform.slice(0, 80_000),
      block: { data: Uint8Array.from(frames.data), count: frames.count },
      frames: chosen,
      query: null,
    });
    served.dispose();
    expect(answer?.confidence).toBeCloseTo(found.confidence, 3);
  });

  it('finds silence nowhere, and looks for another sound where one is given', () => {
    const { waveform, frames } = first;
    const asked = { frames: [20] };
    const silent = mini.localizeSoundSource(new Float32Array(80_000), frames, asked);
    expect(silent).toMatchObject({ sounding: false, confidence: 0 });
    const own = mini.localizeSoundSource(waveform, frames, asked);
    const tone = Float32Array.from({ length: 80_000 }, (_, i) => 0.3 * Math.sin(i / 5));
    const other = mini.localizeSoundSource(waveform, frames, { ...asked, query: tone });
    expect(other.maps[0]).not.toEqual(own.maps[0]);
    const vector = mini.getAudioEmbedding(tone);
    expect(mini.localizeSoundSource(waveform, frames, { ...asked, query: { embedding: vector } })).toEqual(
      other,
    );
  });

  it('belongs to its towers, and travels with them', async () => {
    const { waveform, frames } = first;
    const asked = { frames: [20] };
    const expected = mini.localizeSoundSource(waveform, frames, asked);
    const copy = mini.clone();
    expect(copy.localizeSoundSource(waveform, frames, asked)).toEqual(expected);
    const sources = mini.localizeSources(waveform, frames, asked);
    expect(copy.localizeSources(waveform, frames, asked)).toEqual(sources);
    const back = await AudioVisualCorrespondenceNetwork.deserialize(mini.serialize());
    expect(back.localizeSources(waveform, frames, asked)).toEqual(sources);
    expect(back.localizeSoundSource(waveform, frames, asked)).toEqual(expected);
    back.dispose();
    const written = path.join(folder, 'written');
    await mini.toFolder(written);
    const read = await AudioVisualCorrespondenceNetwork.fromFolder(written);
    expect(read.localizeSoundSource(waveform, frames, asked)).toEqual(expected);
    expect(read.localizeSources(waveform, frames, asked)).toEqual(sources);
    read.dispose();
    copy.updateParameters(
      copy.getParameters().map((array) => ({ ...array, data: array.data.map((x) => x + 0.01) })),
    );
    expect(caught(() => copy.localizeSoundSource(waveform, frames))).toMatchObject({
      code: 'not_trained',
      subject: 'localizeSoundSource',
    });
    expect(caught(() => copy.localizeSources(waveform, frames))).toMatchObject({
      code: 'not_trained',
      subject: 'localizeSources',
    });
    copy.dispose();
  });

  it('names the argument at fault', () => {
    const { waveform, frames } = first;
    expect(caught(() => mini.localizeSoundSource(waveform, frames, { frames: [999] }))).toMatchObject({
      code: 'invalid_argument',
      subject: 'options.frames',
    });
  });
});

describe('localizeSources', () => {
  it('answers a map a frame for each source, the ones that the catalog serves', async () => {
    const { waveform, frames } = first;
    const chosen = [3, 30];
    const { sources, ...found } = mini.localizeSources(waveform, frames, { frames: chosen });
    expect(found).toEqual({ frames: chosen, mapThreshold: 0.5, threshold: 0 });
    expect(sources.length).toBeGreaterThan(0);
    for (const { label, probability, box, maps } of sources) {
      expect(['bird', 'dog', 'harp']).toContain(label);
      expect(probability).toBeGreaterThan(0);
      expect(box.x + box.width).toBeLessThanOrEqual(1);
      expect(maps.map((map) => map.length)).toEqual([96 * 96, 96 * 96]);
    }
    const served = await loadEmbeddingModel(folder);
    const answer = await served.localizeSources?.({
      waveform: waveform.slice(0, 80_000),
      block: { data: Uint8Array.from(frames.data), count: frames.count },
      frames: chosen,
      query: null,
    });
    served.dispose();
    for (const { label, probability } of sources)
      expect(answer?.probabilities[answer.labels.indexOf(label)]).toBeCloseTo(probability, 3);
  });

  it('finds nothing in silence, and names the argument at fault', () => {
    const { waveform, frames } = first;
    const silent = mini.localizeSources(new Float32Array(80_000), frames, { frames: [20] });
    expect(silent.sources).toEqual([]);
    expect(caught(() => mini.localizeSources(waveform, frames, { frames: [-1] }))).toMatchObject({
      code: 'invalid_argument',
      subject: 'options.frames',
    });
  });
});
