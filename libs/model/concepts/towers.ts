/**
 * YAMNet and MobileNetV2, read from TFLite, run in floats by ONNX Runtime on one thread each.
 *
 * @see Howard et al. 2017, "MobileNets" and https://github.com/tensorflow/models/tree/master/research/audioset/yamnet
 * @see Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks"
 */
import { EarshotError } from '#core/errors';
import { LogMelFrontEnd, YAMNET_LOG_MEL } from '../front-ends/log-mel.ts';
import { OnnxSession, type OnnxTensor } from '../onnx/session.ts';
import { dequantize } from '../tflite/dequantize.ts';
import { readTflite, type TfliteModel } from '../tflite/read-tflite.ts';
import { tfliteToOnnx } from '../tflite/to-onnx.ts';
import { AUDIO_CLASS_COUNT, IMAGE_CLASS_COUNT } from './class-names.ts';
import type { ClassVectors } from './space.ts';

const PATCH_FRAMES = 96;
const PATCH_HOP_FRAMES = 48;
const BANDS = YAMNET_LOG_MEL.bands;

/** Tensors by their index in `yamnet_spectra_in.tflite`. */
const YAMNET_TENSORS = { embedding: 90, scores: 92 };
const YAMNET_CLASS_WEIGHTS = 58;
/** Tensors by their index in `mobilenet_v2_1.0_224_quant.tflite`. */
const MOBILENET_TENSORS = { map: 168, embedding: 169, logits: 171 };
const MOBILENET_CLASS_WEIGHTS = 170;

export interface HeardPatches {
  /** One every 0.48 s, 0.975 s long. */
  patches: number;
  /** Independent class scores in [0, 1], `[patches, 521]`. */
  scores: Float32Array;
  /** `[patches, 1024]` */
  embeddings: Float32Array;
}

export class AudioClassifier {
  readonly classVectors: ClassVectors;
  readonly #session: OnnxSession;
  readonly #frontEnd = new LogMelFrontEnd(YAMNET_LOG_MEL);

  private constructor(session: OnnxSession, model: TfliteModel) {
    this.#session = session;
    this.classVectors = classVectors(model, YAMNET_CLASS_WEIGHTS, AUDIO_CLASS_COUNT);
  }

  /** @throws EarshotError `model_invalid` */
  static async load(tflite: Uint8Array, subject: string): Promise<AudioClassifier> {
    const model = readTflite(tflite, subject);
    const graph = tfliteToOnnx(model, { name: subject, input: 'logMel', outputs: YAMNET_TENSORS });
    return new AudioClassifier(await OnnxSession.open(graph, { subject }), model);
  }

  /** @param waveform mono at 16 kHz; shorter than one patch is padded with silence, an incomplete last patch dropped */
  async hear(waveform: Float32Array): Promise<HeardPatches> {
    const frames = Math.max(PATCH_FRAMES, this.#frontEnd.frameCount(waveform.length));
    const logMel = this.#frontEnd.compute(waveform, frames).data;
    return this.classify(logMel);
  }

  /** @param logMel `[frames, 64]`, at least 96 frames */
  async classify(logMel: Float32Array): Promise<HeardPatches> {
    const frames = logMel.length / BANDS;
    const patches = Math.floor((frames - PATCH_FRAMES) / PATCH_HOP_FRAMES) + 1;
    const size = PATCH_FRAMES * BANDS;
    const data = new Float32Array(patches * size);
    for (let patch = 0; patch < patches; patch++) {
      const start = patch * PATCH_HOP_FRAMES * BANDS;
      data.set(logMel.subarray(start, start + size), patch * size);
    }
    const shape = [patches, 1, PATCH_FRAMES, BANDS];
    const { scores, embedding } = await this.#session.run({ logMel: { data, shape } });
    return { patches, scores: floats(scores), embeddings: floats(embedding) };
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }
}

export interface SeenFrame {
  /** Squares of 224 pixels that the picture was looked at through, 32 pixels apart, row by row. */
  views: number;
  /** `[views, 1001]`, before the softmax. */
  logits: Float32Array;
  /** `[views, 1280]` */
  embeddings: Float32Array;
  /** The last feature map, `[height / 32, width / 32, 1280]`: 7 x 7 for a picture of 224 x 224. */
  map: Float32Array;
  mapHeight: number;
  mapWidth: number;
}

export class PictureClassifier {
  readonly classVectors: ClassVectors;
  readonly #session: OnnxSession;

  private constructor(session: OnnxSession, model: TfliteModel) {
    this.#session = session;
    this.classVectors = classVectors(model, MOBILENET_CLASS_WEIGHTS, IMAGE_CLASS_COUNT);
  }

  /** @throws EarshotError `model_invalid` */
  static async load(tflite: Uint8Array, subject: string): Promise<PictureClassifier> {
    const model = readTflite(tflite, subject);
    const options = { name: subject, input: 'pixels', outputs: MOBILENET_TENSORS, anySize: true };
    return new PictureClassifier(await OnnxSession.open(tfliteToOnnx(model, options), { subject }), model);
  }

  /** @param rgb bytes `[height, width, 3]`; height and width multiples of 32, at least 224 */
  async see(rgb: Uint8Array, width: number, height: number): Promise<SeenFrame> {
    const { map, embedding, logits } = await this.#run(rgb, width, height, ['map', 'embedding', 'logits']);
    return {
      views: viewsOf(logits),
      logits: channelsLast(logits),
      embeddings: channelsLast(embedding),
      map: channelsLast(map),
      mapHeight: map?.shape[2] ?? 0,
      mapWidth: map?.shape[3] ?? 0,
    };
  }

  /** Only the logits of `see`, `[views, 1001]`: without copying the map. */
  async classify(rgb: Uint8Array, width: number, height: number): Promise<Float32Array> {
    const { logits } = await this.#run(rgb, width, height, ['logits']);
    return channelsLast(logits);
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }

  #run(
    rgb: Uint8Array,
    width: number,
    height: number,
    outputs: string[],
  ): Promise<Record<string, OnnxTensor>> {
    if (rgb.length !== width * height * 3) {
      throw new EarshotError('shape_mismatch', `A frame of ${width}x${height} RGB is needed.`);
    }
    const area = width * height;
    const data = new Float32Array(3 * area);
    for (let i = 0; i < area; i++) {
      // 0..255 stands for -1..0.992.
      data[i] = ((rgb[3 * i] as number) - 128) / 128;
      data[area + i] = ((rgb[3 * i + 1] as number) - 128) / 128;
      data[2 * area + i] = ((rgb[3 * i + 2] as number) - 128) / 128;
    }
    return this.#session.run({ pixels: { data, shape: [1, 3, height, width] } }, outputs);
  }
}

/** Rows of the last layer, whether it is a matrix or a convolution of 1 x 1. */
function classVectors(model: TfliteModel, tensor: number, classes: number): ClassVectors {
  const weights = model.tensors[tensor];
  if (weights === undefined || weights.shape[0] !== classes) {
    throw new EarshotError('model_invalid', `The network's last layer does not have ${classes} classes.`);
  }
  const data = dequantize(weights);
  return { data, width: data.length / classes };
}

function viewsOf(tensor: OnnxTensor | undefined): number {
  const [, , height = 0, width = 0] = tensor?.shape ?? [];
  return height * width;
}

/** `[1, channels, height, width]` to `[height * width, channels]`. */
function channelsLast(tensor: OnnxTensor | undefined): Float32Array {
  const data = floats(tensor);
  const positions = viewsOf(tensor);
  const channels = data.length / positions;
  if (positions === 1) return data;
  const result = new Float32Array(data.length);
  for (let channel = 0; channel < channels; channel++)
    for (let i = 0; i < positions; i++)
      result[i * channels + channel] = data[channel * positions + i] as number;
  return result;
}

function floats(tensor: OnnxTensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new EarshotError('internal', 'A network answered something other than floats.');
}
