import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Builder } from 'flatbuffers';
import { describe, expect, it } from 'vitest';
import { dequantize } from '#model/tflite/dequantize';
import { readTflite, type TfliteTensor } from '#model/tflite/read-tflite';
import { sharedData } from '../../support/shared-data.ts';

const models = sharedData('models');
const skipped = models ? '' : ' (skipped: no shared data)';

function tensor(part: Partial<TfliteTensor>): TfliteTensor {
  return { index: 0, name: 't', shape: [], type: 'int8', quantization: null, data: null, ...part };
}

/** A TFLite file with an empty graph of this schema version. */
function emptyFile(version: number): Uint8Array {
  const builder = new Builder();
  builder.startObject(5);
  const graph = builder.endObject();
  builder.startVector(4, 1, 4);
  builder.addOffset(graph);
  const graphs = builder.endVector();
  builder.startObject(8);
  builder.addFieldInt32(0, version, 0);
  builder.addFieldOffset(2, graphs, 0);
  builder.finish(builder.endObject(), 'TFL3');
  return builder.asUint8Array();
}

describe('dequantisation', () => {
  it('is scale * (q - zeroPoint), for the whole tensor', () => {
    const quantization = { scale: [0.5], zeroPoint: [10], axis: 0 };
    const data = Uint8Array.from([10, 12, 0]);
    expect([...dequantize(tensor({ type: 'uint8', shape: [3], quantization, data }))]).toEqual([0, 1, -5]);
  });

  it('by channel follows the quantised axis, first or last', () => {
    const data = new Uint8Array(Int8Array.from([1, 2, 3, -4]).buffer);
    const quantization = { scale: [1, 10], zeroPoint: [0, 0], axis: 0 };
    const first = tensor({ shape: [2, 2], quantization, data });
    expect([...dequantize(first)]).toEqual([1, 2, 30, -40]);
    const last = tensor({ shape: [2, 2], quantization: { ...quantization, axis: 1 }, data });
    expect([...dequantize(last)]).toEqual([1, 20, 3, -40]);
  });

  it('reads wide integers wherever they lie in the file', () => {
    const file = new Uint8Array(13);
    new DataView(file.buffer).setInt32(1, -7, true);
    new DataView(file.buffer).setInt32(5, 70_000, true);
    const quantization = { scale: [2], zeroPoint: [0], axis: 0 };
    const data = file.subarray(1, 9);
    expect([...dequantize(tensor({ type: 'int32', shape: [2], quantization, data }))]).toEqual([
      -14, 140_000,
    ]);
  });

  it('refuses a tensor that is computed', () => {
    expect(() => dequantize(tensor({}))).toThrow(expect.objectContaining({ code: 'model_invalid' }));
  });
});

describe('a file that is not right', () => {
  it('is named with what is wrong', () => {
    const invalid = (message: RegExp) =>
      expect.objectContaining({ code: 'model_invalid', message: expect.stringMatching(message) });
    expect(() => readTflite(new TextEncoder().encode('<html>not here</html>'), 'a')).toThrow(
      invalid(/^a .*not a TFLite file/),
    );
    expect(() => readTflite(new Uint8Array(0), 'b')).toThrow(invalid(/^b .*not a TFLite file/));
    expect(() => readTflite(emptyFile(2), 'c')).toThrow(invalid(/^c .*schema version is 2/));
    expect(readTflite(emptyFile(3), 'd')).toEqual({ tensors: [], operators: [], inputs: [], outputs: [] });
  });

  it.skipIf(!models)(`is told to be cut off, wherever it ends${skipped}`, () => {
    const bytes = readFileSync(path.join(models as string, 'yamnet_spectra_in.tflite'));
    for (const share of [0.001, 0.5, 0.9]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * share));
      expect(() => readTflite(cut, 'cut')).toThrow(expect.objectContaining({ code: 'model_invalid' }));
    }
  });
});

describe.skipIf(!models)(`the published files${skipped}`, () => {
  const read = (file: string) => readTflite(readFileSync(path.join(models as string, file)), file);

  it('YAMNet has the tensors and operators that its publisher states', () => {
    const { tensors, operators, inputs, outputs } = read('yamnet_spectra_in.tflite');
    expect(operators).toHaveLength(34);
    expect(inputs.map((i) => tensors[i]?.shape)).toEqual([[1, 96, 64]]);
    expect(outputs.map((i) => tensors[i]?.shape)).toEqual([[1, 521]]);
    const count = (kind: string) => operators.filter((operator) => operator.kind === kind).length;
    expect([count('conv2d'), count('depthwiseConv2d'), count('fullyConnected')]).toEqual([14, 13, 1]);
    expect(tensors[60]?.quantization).toMatchObject({ zeroPoint: [17] });
    expect(tensors[60]?.quantization?.scale[0]).toBeCloseTo(0.04778895899653435, 9);
    expect(tensors[90]).toMatchObject({ shape: [1, 1, 1, 1024], type: 'int8' });
    // Weights of a depthwise layer are quantised by channel, along the last axis.
    expect(tensors[6]?.quantization).toMatchObject({ axis: 3 });
    expect(tensors[6]?.quantization?.scale).toHaveLength(32);
  });

  it('MobileNetV2 too', () => {
    const { tensors, operators } = read('mobilenet_v2_1.0_224_quant.tflite');
    expect(operators).toHaveLength(66);
    expect(tensors[168]).toMatchObject({ shape: [1, 7, 7, 1280], type: 'uint8' });
    expect(tensors[171]?.quantization).toMatchObject({ zeroPoint: [58] });
  });
});
