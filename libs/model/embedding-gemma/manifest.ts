/** What an EmbeddingGemma 2 folder says of itself, and what it is told apart by. */
import { sha256 } from '../checkpoint/checkpoint.ts';
import type { EmbeddingGemmaManifest } from '../checkpoint/embedding-gemma-manifest.ts';
import type { ModelIdentity } from '../embedding-model.ts';

export const EMBEDDING_GEMMA = 'embeddinggemma-2';
/** The publisher's files, in a folder of the model's own. */
export const WEIGHTS_FOLDER = 'weights';
/** Beginnings of the vector that stand for the whole (Matryoshka representation learning). */
export const DIMENSIONS = [768, 512, 256, 128] as const;
/** How the weights are stored, and what the publisher ends the names of the graphs in. */
export const GRAPH_ENDINGS = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  q4: '_q4',
  q4f16: '_q4f16',
} as const;
export const GRAPHS = ['model', 'vision_encoder', 'audio_encoder'] as const;

export type EmbeddingDimension = (typeof DIMENSIONS)[number];
export type Quantization = keyof typeof GRAPH_ENDINGS;

/** `model.json` for weights that have been looked at. */
export function embeddingGemmaManifest(
  dimension: EmbeddingDimension,
  quantization: Quantization,
  files: EmbeddingGemmaManifest['towers']['files'],
): EmbeddingGemmaManifest {
  return {
    format: 'earshot-model/1',
    id: EMBEDDING_GEMMA,
    version: '1.0.0',
    description: 'EmbeddingGemma 2: sound, moving pictures and words in one space, by the publisher',
    segments: { lengthSec: 5, hopSec: 2.5 },
    dimension,
    frontEnds: {
      audio: { sampleRateHz: 16_000 },
      // 14 x 9 tokens of 48 pixels, which the model's own limit of 140 a frame leaves at this size; one frame a second
      // as the publisher samples videos.
      video: { rateHz: 1, width: 672, height: 432, fit: 'cover' },
    },
    towers: { kind: 'embeddinggemma-2', quantization, files },
    parameterCount: 740_000_000,
    training: { towers: 'by the publisher' },
  };
}

/** The version carries a hash of all that decides the vectors, so that two quantisations never meet. */
export function embeddingGemmaIdentity({
  id,
  version,
  dimension,
  frontEnds,
  towers,
}: EmbeddingGemmaManifest): ModelIdentity {
  const hash = sha256(new TextEncoder().encode(JSON.stringify({ frontEnds, towers })));
  return { id, version: `${version}+${towers.quantization}.${hash.slice(0, 8)}`, dimension };
}
