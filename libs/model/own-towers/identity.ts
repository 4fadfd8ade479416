/** The identity of a model of the user's own, from its description alone. */
import { sha256 } from '../checkpoint/checkpoint.ts';
import type { OnnxManifest } from '../checkpoint/manifest.ts';
import type { ModelIdentity } from '../embedding-model.ts';

/**
 * The version carries a hash of all that decides the vectors: whoever corrects a front end or states the checksum of
 * another file has another model, whose vectors are never compared with the old ones.
 */
export function onnxIdentity(manifest: OnnxManifest): ModelIdentity {
  const { id, version, dimension, frontEnds, towers } = manifest;
  const hash = sha256(new TextEncoder().encode(JSON.stringify({ dimension, frontEnds, towers })));
  return { id, version: `${version}+${hash.slice(0, 8)}`, dimension };
}
