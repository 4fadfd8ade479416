/** Chooses the vector index: Qdrant where an address is given, else the embedded one in the data folder. */
import { join } from 'node:path';
import { EmbeddedIndex, type EmbeddedIndexOptions } from './embedded-index.ts';
import { QdrantIndex } from './qdrant-index.ts';
import type { VectorIndex } from './vector-index.ts';

export interface OpenVectorIndexOptions extends EmbeddedIndexOptions {
  qdrantUrl?: string;
  qdrantApiKey?: string;
  /** The embedded index lies in `index` below it; the caller holds the folder's lock. */
  dataDir: string;
}

/**
 * Opens the vector index. Nothing is asked of Qdrant before the first call, so a server that is away shows there.
 *
 * @throws EarshotError `index_unavailable` when the embedded index is damaged
 */
export function openVectorIndex(options: OpenVectorIndexOptions): VectorIndex {
  const { qdrantUrl, qdrantApiKey, dataDir, onBackgroundError } = options;
  if (qdrantUrl) return new QdrantIndex({ url: qdrantUrl, apiKey: qdrantApiKey });
  return new EmbeddedIndex(join(dataDir, 'index'), { onBackgroundError });
}
