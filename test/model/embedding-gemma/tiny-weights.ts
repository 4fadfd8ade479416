/** A tiny network with the architecture and the files of EmbeddingGemma 2: same inputs, outputs and processors. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SeededRandom } from '#core/random';
import { OnnxGraphBuilder, type OnnxValue } from '#model/onnx/graph-builder';

const HIDDEN = 8;
const DIMENSION = 768;
const PATCH_VALUES = 16 * 16 * 3;
const POOLED_PATCHES = 9;
const MEL_BANDS = 128;
const WORDS = ['task', ':', 'search', 'result', '|', 'query', 'rain', 'dog', 'barking', 'a'];
const MARKS = ['<pad>', '<eos>', '<bos>', '<unk>', '<|image>', '<|image|>', '<image|>'].concat(
  ...[['<|audio>', '<|audio|>', '<audio|>', '<|video|>']],
);
const VOCABULARY = [...MARKS, ...WORDS];

function weights(graph: OnnxGraphBuilder, name: string, shape: readonly number[]): OnnxValue {
  const random = new SeededRandom(name);
  const count = shape.reduce((product, size) => product * size, 1);
  return graph.constant(
    Float32Array.from({ length: count }, () => random.normal()),
    shape,
  );
}

/** One token for every nine patches that are there; the others are padding. */
function visionEncoder(): Uint8Array {
  const graph = new OnnxGraphBuilder('vision');
  const pixels = graph.input('pixel_values', 'float32', ['n', 'patches', PATCH_VALUES]);
  const positions = graph.input('pixel_position_ids', 'int64', ['n', 'patches', 2]);
  const columns = graph.node('Gather', [positions, graph.constant(BigInt64Array.of(0n), [])], { axis: 2 });
  const isThere = graph.node('Reshape', [
    graph.node('GreaterOrEqual', [columns, graph.constant(BigInt64Array.of(0n), [])]),
    graph.int64([-1]),
  ]);
  const flat = graph.node('Reshape', [pixels, graph.int64([-1, PATCH_VALUES])]);
  const patches = graph.node('Compress', [flat, isThere], { axis: 0 });
  const pooled = graph.node(
    'ReduceMean',
    [graph.node('Reshape', [patches, graph.int64([-1, POOLED_PATCHES, PATCH_VALUES])])],
    { axes: [1], keepdims: 0 },
  );
  const tokens = graph.node('MatMul', [pooled, weights(graph, 'vision', [PATCH_VALUES, HIDDEN])]);
  graph.output('image_features', tokens, 'float32', ['tokens', HIDDEN]);
  return graph.toBytes();
}

/** One token for every fourth frame that is there. */
function audioEncoder(): Uint8Array {
  const graph = new OnnxGraphBuilder('audio');
  const features = graph.input('input_features', 'float32', ['n', 'frames', MEL_BANDS]);
  const mask = graph.input('input_features_mask', 'bool', ['n', 'frames']);
  const everyFourth = (value: OnnxValue) =>
    graph.node('Slice', [
      value,
      graph.int64([0]),
      graph.int64([1_000_000]),
      graph.int64([1]),
      graph.int64([4]),
    ]);
  const isThere = graph.cast(
    graph.node('Reshape', [everyFourth(graph.cast(mask, 'int32')), graph.int64([-1])]),
    'bool',
  );
  const flat = graph.node('Reshape', [everyFourth(features), graph.int64([-1, MEL_BANDS])]);
  const frames = graph.node('Compress', [flat, isThere], { axis: 0 });
  const tokens = graph.node('MatMul', [frames, weights(graph, 'audio', [MEL_BANDS, HIDDEN])]);
  graph.output('audio_features', tokens, 'float32', ['tokens', HIDDEN]);
  return graph.toBytes();
}

/** The mean of everything, turned into 768 numbers of unit length. One item a batch. */
function textModel(): Uint8Array {
  const graph = new OnnxGraphBuilder('text');
  const ids = graph.input('input_ids', 'int64', ['n', 'length']);
  const mask = graph.input('attention_mask', 'int64', ['n', 'length']);
  const embedded = graph.node('Gather', [weights(graph, 'words', [VOCABULARY.length, HIDDEN]), ids]);
  const counted = graph.node('Unsqueeze', [graph.cast(mask, 'float32'), graph.int64([2])]);
  let sum = graph.node('ReduceSum', [graph.node('Mul', [embedded, counted]), graph.int64([0, 1])], {
    keepdims: 0,
  });
  for (const modality of ['image', 'video', 'audio']) {
    const tokens = graph.input(`${modality}_features`, 'float32', [`${modality}_tokens`, HIDDEN]);
    sum = graph.node('Add', [sum, graph.node('ReduceSum', [tokens, graph.int64([0])], { keepdims: 0 })]);
  }
  const mean = graph.node('Div', [
    sum,
    graph.node('ReduceSum', [counted, graph.int64([0, 1, 2])], { keepdims: 0 }),
  ]);
  const row = graph.node('Reshape', [mean, graph.int64([1, HIDDEN])]);
  const wide = graph.node('MatMul', [row, weights(graph, 'projection', [HIDDEN, DIMENSION])]);
  const unit = graph.node('Div', [wide, graph.node('ReduceL2', [wide], { axes: [1], keepdims: 1 })]);
  graph.output('sentence_embedding', unit, 'float32', ['n', DIMENSION]);
  return graph.toBytes();
}

function tokenizer(): object {
  const mark = (content: string, id: number) => ({
    ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  });
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const bos = VOCABULARY.indexOf('<bos>');
  const eos = VOCABULARY.indexOf('<eos>');
  return {
    ...{ version: '1.0', truncation: null, padding: null, normalizer: null, decoder: null },
    added_tokens: MARKS.map(mark),
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('<bos>'), { Sequence: { id: 'A', type_id: 0 } }, special('<eos>')],
      pair: [],
      special_tokens: {
        '<bos>': { id: '<bos>', ids: [bos], tokens: ['<bos>'] },
        '<eos>': { id: '<eos>', ids: [eos], tokens: ['<eos>'] },
      },
    },
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(VOCABULARY.map((word, id) => [word, id])),
      unk_token: '<unk>',
    },
  };
}

const TOKENIZER_CONFIG = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  ...{ bos_token: '<bos>', eos_token: '<eos>', pad_token: '<pad>', unk_token: '<unk>' },
  ...{ boi_token: '<|image>', image_token: '<|image|>', eoi_token: '<image|>' },
  ...{ boa_token: '<|audio>', audio_token: '<|audio|>', eoa_token: '<audio|>', video_token: '<|video|>' },
};

const CONFIG = {
  architectures: ['EmbeddingGemma2Model'],
  model_type: 'embedding_gemma2',
  text_config: { model_type: 'embedding_gemma2_text', hidden_size: HIDDEN },
  vision_config: { model_type: 'gemma4_vision' },
  audio_config: { model_type: 'gemma4_audio' },
  image_token_id: VOCABULARY.indexOf('<|image|>'),
  video_token_id: VOCABULARY.indexOf('<|video|>'),
  audio_token_id: VOCABULARY.indexOf('<|audio|>'),
};

const PICTURES = { patch_size: 16, pooling_kernel_size: 3, resample: 3, do_resize: true, do_rescale: true };

const PROCESSOR_CONFIG = {
  processor_class: 'EmbeddingGemma2Processor',
  image_processor: { image_processor_type: 'Gemma4ImageProcessor', max_soft_tokens: 280, ...PICTURES },
  video_processor: { max_soft_tokens: 140, max_frames: 32, ...PICTURES },
  feature_extractor: {
    ...{
      feature_extractor_type: 'Gemma4AudioFeatureExtractor',
      sampling_rate: 16_000,
      padding_side: 'right',
    },
    ...{ feature_size: MEL_BANDS, fft_length: 512, frame_length: 320, hop_length: 160, padding_value: 0 },
    ...{ min_frequency: 0, max_frequency: 8000, mel_floor: 0.001, preemphasis: 0, dither: 0 },
    ...{ input_scale_factor: 1, per_bin_mean: null, per_bin_stddev: null, return_attention_mask: true },
  },
};

/** Writes the files as they lie in the publisher's repository, graphs under the name of the quantisation q8. */
export async function writeTinyWeights(folder: string): Promise<void> {
  const onnx = path.join(folder, 'onnx');
  await mkdir(onnx, { recursive: true });
  const documents = {
    'config.json': CONFIG,
    'processor_config.json': PROCESSOR_CONFIG,
    'tokenizer.json': tokenizer(),
    'tokenizer_config.json': TOKENIZER_CONFIG,
  };
  for (const [name, document] of Object.entries(documents))
    await writeFile(path.join(folder, name), JSON.stringify(document));
  await writeFile(path.join(onnx, 'model_quantized.onnx'), textModel());
  await writeFile(path.join(onnx, 'vision_encoder_quantized.onnx'), visionEncoder());
  await writeFile(path.join(onnx, 'audio_encoder_quantized.onnx'), audioEncoder());
}
