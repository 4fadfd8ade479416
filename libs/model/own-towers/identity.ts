/** The identity of a model of the user's own, from its description alone. */
import { sha256 } from '../checkpoint/checkpoint.ts';
import type { OnnxManifest } from '../checkpoint/manifest.ts';
import type { ModelIdentity, SegmentPlan } from '../embedding-model.ts';

/** As nearly all models cut. */
const USUAL_SEGMENTS: SegmentPlan = { lengthSec: 5, hopSec: 2.5 };

/**
 * The version carries a hash of all that decides the vectors: whoever corrects a front end, cuts other segments or states
 * the checksum of another file has another model, whose vectors are never compared with the old ones. Segments of 5 s every
 * 2.5 s are not hashed: vectors made before segments counted stay those of their model.
 */
export function onnxIdentity(manifest: OnnxManifest): ModelIdentity {
  const { id, version, dimension, frontEnds, towers, segments } = manifest;
  const { lengthSec, hopSec } = segments;
  const usual = lengthSec === USUAL_SEGMENTS.lengthSec && hopSec === USUAL_SEGMENTS.hopSec;
  const decisive = { dimension, frontEnds, towers, ...(usual ? {} : { segments: { lengthSec, hopSec } }) };
  const hash = sha256(new TextEncoder().encode(JSON.stringify(decisive)));
  return { id, version: `${version}+${hash.slice(0, 8)}`, dimension };
}
