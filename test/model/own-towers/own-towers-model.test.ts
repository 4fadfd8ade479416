import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import type { SegmentPlan } from '#model/embedding-model';
import { LogMelFrontEnd, YAMNET_LOG_MEL } from '#model/front-ends/log-mel';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';
import { type OnnxDimension, type OnnxElementType, OnnxGraphBuilder } from '#model/onnx/graph-builder';
import { OnnxSession } from '#model/onnx/session';
import { sharedData } from '../../support/shared-data.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'earshot-own-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Fields = Record<string, unknown>;

const LOG_MEL: Fields = {
  kind: 'log-mel',
  ...YAMNET_LOG_MEL,
  bands: 8,
  layout: 'frames,bands',
  patch: { frames: 4, hopFrames: 2 },
};
const WAVEFORM: Fields = { kind: 'waveform', sampleRateHz: 100, patch: { samples: 4, hopSamples: 2 } };
const VIDEO: Fields = {
  rateHz: 2,
  width: 2,
  height: 1,
  fit: 'stretch',
  layout: 'nhwc',
  type: 'float32',
  frames: { kind: 'each' },
};

/** Answers its input, flattened to one row an item. */
function flat(shape: OnnxDimension[], size: number, type: OnnxElementType = 'float32'): Uint8Array {
  const graph = new OnnxGraphBuilder('flat');
  const x = graph.input('x', type, shape);
  const y = graph.node('Reshape', [graph.cast(x, 'float32'), graph.int64([-1, size])]);
  graph.output('y', y, 'float32', ['rows', size]);
  return graph.toBytes();
}

interface Parts {
  dimension: number;
  audio?: Fields;
  video?: Fields;
  audioGraph: Uint8Array | null;
  videoGraph: Uint8Array | null;
  /** Changes the description before it is written. */
  change?: (manifest: {
    dimension: number;
    segments: SegmentPlan;
    towers: Record<string, Fields | undefined>;
  }) => void;
}

let folders = 0;

function folderOf({ dimension, audio, video, audioGraph, videoGraph, change }: Parts): string {
  const folder = mkdtempSync(path.join(root, `${folders++}-`));
  if (audioGraph) writeFileSync(path.join(folder, 'audio.onnx'), audioGraph);
  if (videoGraph) writeFileSync(path.join(folder, 'video.onnx'), videoGraph);
  const manifest = {
    format: 'earshot-model/1',
    id: 'own',
    version: '1',
    description: 'For a test.',
    segments: { lengthSec: 0.06, hopSec: 0.03 },
    dimension,
    frontEnds: { audio: audio ?? WAVEFORM, video: video ?? VIDEO },
    towers: {
      kind: 'onnx',
      audio: { file: 'audio.onnx', input: 'x', output: 'y' },
      video: { file: 'video.onnx', input: 'x', output: 'y' },
    } as unknown as Record<string, Fields | undefined>,
  };
  change?.(manifest);
  writeFileSync(path.join(folder, 'model.json'), JSON.stringify(manifest));
  return folder;
}

/** Any video graph of a dimension: the first pixels, repeated. */
function anyVideo(dimension: number): Uint8Array {
  const graph = new OnnxGraphBuilder('any');
  const mean = graph.node('ReduceMean', [graph.input('x', 'float32', ['n', 1, 2, 3])], {
    axes: [1, 2, 3],
    keepdims: 0,
  });
  const column = graph.node('Unsqueeze', [mean, graph.int64([1])]);
  const y = graph.node('Tile', [column, graph.int64([1, dimension])]);
  graph.output('y', y, 'float32', ['n', dimension]);
  return graph.toBytes();
}

function unit(values: readonly number[]): number[] {
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

function expectClose(actual: ArrayLike<number> | undefined, expected: ArrayLike<number>): void {
  expect(actual).toHaveLength(expected.length);
  for (let i = 0; i < expected.length; i++) expect(actual?.[i]).toBeCloseTo(expected[i] as number, 5);
}

async function hear(parts: Omit<Parts, 'videoGraph'>, waveform: Float32Array) {
  const model = await loadEmbeddingModel(folderOf({ ...parts, videoGraph: anyVideo(parts.dimension) }));
  const [vector] = await model.embedAudio([waveform]);
  model.dispose();
  return vector;
}

const RAMP = Float32Array.of(1, 2, 3, 4, 5, 6, 7);

describe('sound as a waveform', () => {
  // Patches 1234 and 3456; the incomplete 567 is dropped.
  const mean = unit([2, 3, 4, 5]);

  it.each([
    ['[N,T]', ['n', 4]],
    ['[N,1,T]', ['n', 1, 4]],
    ['[N,T,1]', ['n', 4, 1]],
    ['[1,T], one at a time', [1, 4]],
    ['[3,T], filled up', [3, 4]],
    ['[T]', [4]],
  ] as [string, OnnxDimension[]][])('in patches as %s', async (_, shape) => {
    expectClose(await hear({ dimension: 4, audioGraph: flat(shape, 4) }, RAMP), mean);
  });

  it('a segment at once: normalised, cut, or padded with silence', async () => {
    const audio = { kind: 'waveform', sampleRateHz: 100, normalization: { mean: 1, deviation: 2 } };
    const parts = { dimension: 6, audio, audioGraph: flat(['n', 6], 6) };
    expectClose(await hear(parts, RAMP), unit([0, 1, 2, 3, 4, 5]));
    expectClose(await hear(parts, Float32Array.of(1, 2, 3, 4, 5)), unit([0, 0.5, 1, 1.5, 2, -0.5]));
  });
});

describe('sound as log-mel', () => {
  const random = new SeededRandom(3);
  const noise = Float32Array.from({ length: 400 + 160 * 6 }, () => random.normal() * 0.1);

  it.each([
    ['frames,bands', ['n', 4, 8]],
    ['bands,frames', ['n', 1, 8, 4]],
    ['bands,frames', ['n', 8, 4, 1]],
    ['frames,bands', [4, 8]],
  ] as [string, OnnxDimension[]][])('%s as [%s]', async (layout, shape) => {
    const { data } = new LogMelFrontEnd({ ...YAMNET_LOG_MEL, bands: 8 }).compute(noise);
    const sums = Array.from({ length: 32 }, (_, i) => {
      const [frame, band] =
        layout === 'frames,bands' ? [Math.floor(i / 8), i % 8] : [i % 4, Math.floor(i / 4)];
      // Seven frames: patches begin at 0 and 2.
      return [0, 2].reduce((sum, start) => sum + (data[(start + frame) * 8 + band] as number) + 6, 0);
    });
    const audio = { ...LOG_MEL, layout, normalization: { mean: -6, deviation: 2 } };
    expectClose(await hear({ dimension: 32, audio, audioGraph: flat(shape, 32) }, noise), unit(sums));
  });
});

describe('pictures', () => {
  const size = 6;
  const frames = [
    [0, 51, 102, 153, 204, 255],
    [255, 0, 0, 51, 51, 51],
    [10, 20, 30, 40, 50, 60],
  ];

  async function see(video: Fields, graph: Uint8Array, dimension: number, shown = frames) {
    const audio = { kind: 'waveform', sampleRateHz: 100, patch: { samples: dimension, hopSamples: 1 } };
    const audioGraph = flat(['n', dimension], dimension);
    const folder = folderOf({
      dimension,
      audio,
      video: { ...VIDEO, ...video },
      audioGraph,
      videoGraph: graph,
    });
    const model = await loadEmbeddingModel(folder);
    const data = Uint8Array.from(shown.flat());
    const [vector] = await model.embedVideo([{ data, count: shown.length }]);
    model.dispose();
    return vector;
  }

  const planar = (frame: number[]) => [0, 3, 1, 4, 2, 5].map((i) => frame[i] as number);
  const sum = (rows: number[][]) =>
    (rows[0] as number[]).map((_, i) => rows.reduce((t, r) => t + (r[i] as number), 0));

  it('each by itself, pooled by the mean, in either layout', async () => {
    expectClose(await see({}, flat(['n', 1, 2, 3], size), size), unit(sum(frames)));
    const nchw = await see({ layout: 'nchw' }, flat(['n', 3, 1, 2], size), size);
    expectClose(nchw, unit(sum(frames.map(planar))));
  });

  it('normalised by channel, or as bytes', async () => {
    const normalization = { mean: [0.5, 0.4, 0.3], deviation: [0.1, 0.2, 0.4] };
    const scaled = (frames[0] as number[]).map(
      (byte, i) =>
        (byte / 255 - (normalization.mean[i % 3] as number)) / (normalization.deviation[i % 3] as number),
    );
    const one = [frames[0] as number[]];
    expectClose(await see({ normalization }, flat(['n', 1, 2, 3], size), size, one), unit(scaled));
    const bytes = await see({ type: 'uint8' }, flat(['n', 1, 2, 3], size, 'uint8'), size, one);
    expectClose(bytes, unit(one[0] as number[]));
  });

  it('as a block of evenly spaced frames, in every layout', async () => {
    const block = { kind: 'block', count: 2 };
    // Instants at a quarter and three quarters of three frames: the first and the last.
    const [a, , c] = frames as [number[], number[], number[]];
    const nhwc = await see({ frames: block }, flat(['n', 2, 1, 2, 3], 12), 12);
    expectClose(nhwc, unit([...a, ...c]));
    const nchw = await see({ frames: block, layout: 'nchw' }, flat([2, 3, 1, 2], 12), 12);
    expectClose(nchw, unit([...planar(a), ...planar(c)]));
    const ncthw = await see({ frames: block, layout: 'ncthw' }, flat(['n', 3, 2, 1, 2], 12), 12);
    const [pa, pc] = [planar(a), planar(c)];
    expectClose(ncthw, unit([0, 2, 4].flatMap((i) => [...pa.slice(i, i + 2), ...pc.slice(i, i + 2)])));
    expectClose(await see({ frames: block }, flat(['n', 2, 1, 2, 3], 12), 12, [a]), unit([...a, ...a]));
  });
});

const GOOD: Parts = { dimension: 4, audioGraph: flat(['n', 4], 4), videoGraph: anyVideo(4) };

function unknownOperator(): Uint8Array {
  const graph = new OnnxGraphBuilder('unknown');
  graph.output('y', graph.node('Frobnicate', [graph.input('x', 'float32', ['n', 4])]), 'float32', ['n', 4]);
  return graph.toBytes();
}

function divided(): Uint8Array {
  const graph = new OnnxGraphBuilder('divided');
  const x = graph.input('x', 'float32', ['n', 4]);
  graph.output('y', graph.node('Div', [x, x]), 'float32', ['n', 4]);
  return graph.toBytes();
}

describe('a folder that does not fit its description', () => {
  const faults: [string, Partial<Parts>, string, RegExp][] = [
    ['a missing file', { audioGraph: null }, 'checkpoint_invalid', /audio\.onnx can't be read: put the file/],
    [
      'another file than stated',
      {
        change: ({ towers }) => {
          (towers.video as Fields).sha256 = '0'.repeat(64);
        },
      },
      'checkpoint_invalid',
      /video\.onnx does not have the sha256.*copy the file again/,
    ],
    [
      'a file cut off',
      { audioGraph: flat(['n', 4], 4).slice(0, 60) },
      'model_invalid',
      /audio\.onnx.*damaged/,
    ],
    ['an empty file', { videoGraph: new Uint8Array(0) }, 'model_invalid', /video\.onnx.*damaged/],
    [
      'an unknown operator',
      { audioGraph: unknownOperator() },
      'model_invalid',
      /Frobnicate.*standard ONNX set/,
    ],
    [
      'an input that is not there',
      {
        change: ({ towers }) => {
          (towers.audio as Fields).input = 'sound';
        },
      },
      'model_invalid',
      /audio\.onnx: There is no input "sound"; the graph has: "x"/,
    ],
    [
      'an output that is not there',
      {
        change: ({ towers }) => {
          (towers.video as Fields).output = 'z';
        },
      },
      'model_invalid',
      /video\.onnx: There is no output "z"; the graph has: "y"/,
    ],
    ['another size', { audioGraph: flat(['n', 5], 5) }, 'model_invalid', /takes \[N,5\].*gives \[N,4\] or/],
    [
      'another rank',
      { video: { ...VIDEO, frames: { kind: 'block', count: 2 } } },
      'model_invalid',
      // Its free first axis takes the two frames of a block, and then it answers once a frame.
      /answers \[2,4\] for one item.*dimension 4/,
    ],
    ['another type', { video: { ...VIDEO, type: 'uint8' } }, 'model_invalid', /takes float32.*gives uint8/],
    [
      'an audio dimension of its own',
      { dimension: 3 },
      'model_invalid',
      /audio\.onnx: .*\[1,4\].*dimension 3/,
    ],
    [
      'a video dimension of its own',
      { videoGraph: anyVideo(5) },
      'model_invalid',
      /video\.onnx: .*\[1,5\].*dimension 4/,
    ],
    [
      'only an audio tower',
      {
        change: ({ towers }) => {
          delete towers.video;
        },
      },
      'model_invalid',
      /has only an audio tower.*towers\.video/,
    ],
    [
      'only a video tower',
      {
        change: ({ towers }) => {
          delete towers.audio;
        },
      },
      'model_invalid',
      /has only a video tower.*towers\.audio/,
    ],
    [
      'normalised bytes',
      { video: { ...VIDEO, type: 'uint8', normalization: { mean: [0, 0, 0], deviation: [1, 1, 1] } } },
      'model_invalid',
      /frontEnds\.video\.normalization: bytes go in as they are/,
    ],
    [
      'a kind that there is not',
      {
        change: ({ towers }) => {
          (towers as Fields).kind = 'caffe';
        },
      },
      'model_invalid',
      /"caffe"; there are: two-tower, concept, onnx/,
    ],
  ];

  it.each(faults)('%s', async (_, parts, code, message) => {
    const failure = await loadEmbeddingModel(folderOf({ ...GOOD, ...parts })).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('answers that are not finite are refused, never stored', async () => {
    const model = await loadEmbeddingModel(folderOf({ ...GOOD, audioGraph: divided() }));
    await expect(model.embedAudio([new Float32Array(4)])).rejects.toMatchObject({
      code: 'model_invalid',
      message: expect.stringMatching(/not finite/),
    });
    expectClose((await model.embedAudio([RAMP]))[0], unit([1, 1, 1, 1]));
    model.dispose();
  });
});

it('another front end or checksum is another version', async () => {
  const plain = await readModelInfo(folderOf(GOOD));
  const sha256 = createHash('sha256')
    .update(GOOD.audioGraph as Uint8Array)
    .digest('hex');
  const checked = folderOf({
    ...GOOD,
    change: ({ towers }) => {
      (towers.audio as Fields).sha256 = sha256;
    },
  });
  const loaded = await loadEmbeddingModel(checked);
  expect(loaded.identity).toEqual((await readModelInfo(checked)).identity);
  expect(loaded.identity.version).not.toBe(plain.identity.version);
  expect((await readModelInfo(folderOf(GOOD))).identity).toEqual(plain.identity);
  loaded.dispose();
});

it('another cut into segments is another version, the usual cut is not', async () => {
  const versionWith = async (segments: SegmentPlan) => {
    const folder = folderOf({
      ...GOOD,
      change: (manifest) => {
        manifest.segments = segments;
      },
    });
    return (await readModelInfo(folder)).identity.version;
  };
  const usual = await versionWith({ lengthSec: 5, hopSec: 2.5 });
  const longer = await versionWith({ lengthSec: 10, hopSec: 2.5 });
  const sparser = await versionWith({ lengthSec: 5, hopSec: 5 });
  expect(new Set([usual, longer, sparser]).size).toBe(3);
  expect(await versionWith({ hopSec: 2.5, lengthSec: 10 })).toBe(longer);
  // What this description was called before segments counted: its vectors are still its own.
  expect(usual).toBe('1+53527fba');
});

const yamnet = sharedData('models', 'yamnet_256_64x96_tl.onnx');

it.skipIf(!yamnet)(`a published network as it is${yamnet ? '' : ' (skipped: no shared data)'}`, async () => {
  const audio = {
    ...YAMNET_LOG_MEL,
    kind: 'log-mel',
    layout: 'bands,frames',
    patch: { frames: 96, hopFrames: 48 },
  };
  const folder = folderOf({
    dimension: 10,
    audio,
    audioGraph: null,
    videoGraph: anyVideo(10),
    change: ({ towers }) => {
      towers.audio = { file: 'audio.onnx', input: 'input_1', output: 'new_head' };
    },
  });
  copyFileSync(yamnet as string, path.join(folder, 'audio.onnx'));
  const model = await loadEmbeddingModel(folder);
  const tone = Float32Array.from({ length: 15_600 }, (_, n) => 0.4 * Math.sin(n * n * 1e-5));
  const [vector] = await model.embedAudio([tone]);
  model.dispose();

  const logMel = new LogMelFrontEnd().compute(tone, 96).data;
  const data = Float32Array.from(logMel, (_, i) => logMel[(i % 96) * 64 + Math.floor(i / 96)] as number);
  const session = await OnnxSession.open(readFileSync(yamnet as string));
  const { new_head: head } = await session.run({ input_1: { data, shape: [1, 1, 64, 96] } });
  expectClose(vector, unit([...(head as { data: Float32Array }).data]));
  await session.dispose();
});
