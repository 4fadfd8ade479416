import { beforeAll, describe, expect, it } from 'vitest';
import type { AudioVisualCorrespondenceNetwork } from '#model/network/audio-visual-correspondence-network';
import type { VideoFrames, Waveform } from '#model/network/inputs';
import { manifestOf, type NetworkOptions } from '#model/network/options';
import { segmentsOf } from '#model/network/segments';
import { smallNetwork } from './small-network.ts';

const SIDE = 48;

let network: AudioVisualCorrespondenceNetwork;

beforeAll(async () => {
  network = await smallNetwork();
});

const frames = (fill = 0.5, count = 2): VideoFrames & { data: Float32Array } => ({
  data: new Float32Array(count * SIDE * SIDE * 3).fill(fill),
  count,
});
const withValue = <T extends Float32Array>(array: T, at: number, value: number): T => {
  array[at] = value;
  return array;
};

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return 'nothing was thrown';
}

describe('a waveform that cannot be used', () => {
  const cases: [string, () => Waveform, string, string][] = [
    ['is empty', () => new Float32Array(0), 'invalid_argument', 'waveform'],
    ['is shorter than a window', () => new Float32Array(399), 'too_short', 'waveform'],
    [
      'holds a NaN',
      () => withValue(new Float32Array(1000), 7, Number.NaN),
      'invalid_argument',
      'waveform[7]',
    ],
    [
      'holds an infinity',
      () => withValue(new Float32Array(1000), 999, Number.NEGATIVE_INFINITY),
      'invalid_argument',
      'waveform[999]',
    ],
    [
      'has another rate',
      () => ({ samples: new Float32Array(1000), sampleRateHz: 44_100 }),
      'invalid_argument',
      'waveform.sampleRateHz',
    ],
    ['is no Float32Array', () => [0, 0] as unknown as Waveform, 'invalid_argument', 'waveform'],
    ['is missing', () => undefined as unknown as Waveform, 'invalid_argument', 'waveform'],
  ];
  it.each(cases)('%s', (_, make, code, subject) => {
    expect(failure(() => network.getAudioEmbedding(make()))).toMatchObject({ code, subject });
    expect(failure(() => network.inputGradients(make(), frames()))).toMatchObject({ code, subject });
    expect(failure(() => network.train({ waveform: make(), frames: frames() }))).toMatchObject({
      code,
      subject: `clips[0].${subject}`,
    });
  });

  it('has another rate as told beside it', () => {
    expect(failure(() => network.getAudioEmbedding(new Float32Array(1000), 8000))).toMatchObject({
      code: 'invalid_argument',
      subject: 'sampleRateHz',
    });
  });
});

describe('frames that cannot be used', () => {
  const cases: [string, () => VideoFrames, string, string][] = [
    ['are none', () => ({ data: new Uint8Array(0), count: 0 }), 'invalid_argument', 'frames.count'],
    ['have another size', () => ({ data: new Uint8Array(12), count: 1 }), 'shape_mismatch', 'frames.data'],
    [
      'hold a NaN',
      () => ({ ...frames(), data: withValue(frames().data, 5, Number.NaN) }),
      'invalid_argument',
      'frames.data[5]',
    ],
    ['are floats up to 255', () => frames(255), 'invalid_argument', 'frames.data[0]'],
    ['have another rate', () => ({ ...frames(), rateHz: 25 }), 'invalid_argument', 'frames.rateHz'],
    [
      'are no typed array',
      () => ({ data: [1], count: 1 }) as unknown as VideoFrames,
      'invalid_argument',
      'frames.data',
    ],
    ['are missing', () => undefined as unknown as VideoFrames, 'invalid_argument', 'frames.data'],
  ];
  it.each(cases)('%s', (_, make, code, subject) => {
    expect(failure(() => network.getVisualEmbedding(make()))).toMatchObject({ code, subject });
  });
});

describe('other arguments', () => {
  it('name the vector of a database, the query and topK', () => {
    const good = new Float32Array(32).fill(1);
    const cases: [Float32Array, Float32Array[], number, string, string][] = [
      [good, [good, new Float32Array(31)], 1, 'shape_mismatch', 'database[1]'],
      [good, [withValue(good.slice(), 3, Number.NaN)], 1, 'invalid_argument', 'database[0][3]'],
      [good, [new Float32Array(32)], 1, 'invalid_argument', 'database[0]'],
      [new Float32Array(8), [good], 1, 'shape_mismatch', 'query.embedding'],
      [good, [good], 0, 'invalid_argument', 'topK'],
      [good, [good], 1.5, 'invalid_argument', 'topK'],
    ];
    for (const [embedding, database, topK, code, subject] of cases) {
      const retrieve = () => network.retrieveVisualsFromAudio({ embedding }, database, topK);
      expect(failure(retrieve)).toMatchObject({ code, subject });
    }
  });

  it('name the parameter, and change nothing', () => {
    const before = network.getParameters();
    const [first] = before as [(typeof before)[number]];
    const cases: [typeof before, string][] = [
      [[{ ...first, name: 'nobody' }], 'invalid_argument'],
      [[{ ...first, shape: [1], data: new Float32Array(1) }], 'shape_mismatch'],
      [[first, first], 'invalid_argument'],
      [[{ ...first, data: first.data.map(() => Number.NaN) }], 'invalid_argument'],
    ];
    for (const [parameters, code] of cases)
      expect(failure(() => network.updateParameters(parameters))).toMatchObject({ code });
    expect(failure(() => network.setParameters([first]))).toMatchObject({ code: 'invalid_argument' });
    expect(network.getParameters()).toEqual(before);
  });

  it('name the option of a new network', () => {
    const cases: [NetworkOptions, string][] = [
      [{ embeddingDimension: 0 }, 'embeddingDimension'],
      [{ videoFrameRate: Number.NaN }, 'videoFrameRate'],
      [{ numEncoderLayers: 1.5 }, 'numEncoderLayers'],
      [{ audioSampleRateHz: -1 }, 'audioSampleRateHz'],
      [{ frameSize: 100 }, 'frameSize'],
      [{ segmentSec: 0.01 }, 'segmentSec'],
      [{ optimizer: 'lion' as 'sgd' }, 'optimizer'],
      [{ loss: { alignment: -1 } }, 'loss.alignment'],
    ];
    for (const [options, subject] of cases)
      expect(failure(() => manifestOf(options))).toMatchObject({ code: 'invalid_argument', subject });
  });
});

describe('a new network', () => {
  it('has the reference design unless told otherwise', () => {
    const { dimension, frontEnds, towers } = manifestOf({});
    expect(dimension).toBe(512);
    expect(frontEnds.audio.sampleRateHz).toBe(16_000);
    expect(frontEnds.video.rateHz).toBe(25);
    expect([towers.audio, towers.video].map((tower) => tower.numEncoderLayers)).toEqual([6, 6]);
    expect([towers.audio, towers.video].map((tower) => tower.embeddingDimension)).toEqual([512, 512]);
    // Eight hops of 5 ms are one frame of 25 a second: the towers' steps align.
    expect(frontEnds.audio.hopSec).toBe(0.005);
    expect(towers.audio.alignmentDimension).toBeGreaterThan(0);
  });

  it('leaves alignment out where frames and hops do not meet', () => {
    const { frontEnds, towers } = manifestOf({ videoFrameRate: 30 });
    expect(frontEnds.audio.hopSec).toBe(0.01);
    expect([towers.audio, towers.video].map((tower) => tower.alignmentDimension)).toEqual([0, 0]);
  });
});

describe('segments', () => {
  const plan = { lengthSec: 5, hopSec: 2.5 };
  it('cover a clip in one length, the last one moved back to its end', () => {
    const starts = (total: number) => segmentsOf(total, 10, plan).map(({ start }) => start);
    expect(segmentsOf(30, 10, plan)).toEqual([{ start: 0, length: 30 }]);
    expect(starts(50)).toEqual([0]);
    // Less than a second that no segment has seen is not worth one.
    expect(starts(59)).toEqual([0]);
    expect(starts(60)).toEqual([0, 10]);
    expect(starts(100)).toEqual([0, 25, 50]);
    expect(starts(120)).toEqual([0, 25, 50, 70]);
    for (const { length } of segmentsOf(120, 10, plan)) expect(length).toBe(50);
  });
});
