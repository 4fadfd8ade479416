/** Names of points in the vector index: the same segment under the same model always gets the same id. */
import { v5 } from 'uuid';
import type { ModelIdentity } from './index/vector-index.ts';

/** Fixed for ever: another namespace would double every point of every catalog. */
const NAMESPACE = '6f0b8a52-52c5-4f0e-9a55-3d1f4f2e7c11';

/** UUIDv5 of clip, segment and model (id and version), so that writing a point twice changes nothing. */
export function pointId(
  clipId: string,
  segmentIndex: number,
  model: Pick<ModelIdentity, 'id' | 'version'>,
): string {
  return v5(JSON.stringify([clipId, segmentIndex, model.id, model.version]), NAMESPACE);
}
