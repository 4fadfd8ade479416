/** What every adapter refuses before its engine sees it, with the same codes and sentences. */
import { EarshotError } from '#core/errors';
import type { IndexPoint, Modality, ModelIdentity, PointFilter, SearchRequest } from './vector-index.ts';

export const MODALITIES: readonly Modality[] = ['audio', 'video'];
const MAX_TOP_K = 10_000;
/** Beyond this the squared length shows in scores of six decimals, and the vector is scaled. */
const UNIT_TOLERANCE = 1e-6;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function refuse(subject: string, message: string): never {
  throw new EarshotError('invalid_argument', message, { subject });
}

/** Names of collections and aliases: letters, digits, dot, dash and underscore. */
export function checkName(name: string): void {
  if (!NAME.test(name)) {
    refuse(
      'name',
      `"${name}" can't name a collection: use up to 128 letters, digits, dots, dashes and underscores.`,
    );
  }
}

export function checkModelIdentity(model: ModelIdentity): void {
  if (model.id === '') refuse('model.id', 'The model of a collection needs an id.');
  if (!Number.isInteger(model.dimension) || model.dimension < 1 || model.dimension > 20_000) {
    refuse(
      'model.dimension',
      `A dimension of ${model.dimension} can't be indexed: use an integer in 1..20000.`,
    );
  }
}

/** @throws EarshotError `model_mismatch` when the two are not the same model */
export function checkSameModel(collection: string, stored: ModelIdentity, given: ModelIdentity): void {
  if (stored.id === given.id && stored.version === given.version && stored.dimension === given.dimension)
    return;
  const name = (model: ModelIdentity) => `${model.id} ${model.version} (${model.dimension} dimensions)`;
  throw new EarshotError(
    'model_mismatch',
    `Collection ${collection} holds vectors of ${name(stored)}, not of ${name(given)}: use that model, or re-embed.`,
    { subject: collection },
  );
}

/**
 * The vector with length one: the same array if it is so already, else a scaled copy.
 *
 * @throws EarshotError `vector_dimension_mismatch`, or `invalid_argument` for a vector without a direction
 */
function toUnitVector(vector: Float32Array, dimension: number): Float32Array {
  if (vector.length !== dimension) {
    throw new EarshotError(
      'vector_dimension_mismatch',
      `The vector has ${vector.length} dimensions and the collection ${dimension}: embed it with the collection's model.`,
      { subject: 'vector' },
    );
  }
  let squared = 0;
  for (const value of vector) squared += value * value;
  if (!Number.isFinite(squared) || squared === 0) {
    refuse(
      'vector',
      'The vector has no direction: every value must be a finite number and one of them not zero.',
    );
  }
  if (Math.abs(squared - 1) <= UNIT_TOLERANCE) return vector;
  const scale = 1 / Math.sqrt(squared);
  return vector.map((value) => value * scale);
}

/**
 * The points with unit vectors; of points with the same id, the last. All are checked before any is answered, so that
 * a bad one leaves nothing half-written.
 */
export function checkPoints(points: readonly IndexPoint[], dimension: number): IndexPoint[] {
  const checked = new Map<string, IndexPoint>();
  for (const point of points) {
    checkPointId(point.id);
    const vectors: IndexPoint['vectors'] = {};
    for (const modality of MODALITIES) {
      const vector = point.vectors[modality];
      if (vector !== undefined) vectors[modality] = toUnitVector(vector, dimension);
    }
    if (Object.keys(vectors).length === 0)
      refuse(point.id, `Point ${point.id} carries no vector: give at least one.`);
    if (point.payload.clipId === '')
      refuse(point.id, `Point ${point.id} belongs to no clip: give its clipId.`);
    checked.set(point.id, { id: point.id, vectors, payload: point.payload });
  }
  return [...checked.values()];
}

/** Point ids are lower-case UUIDs: the only text that every engine takes as an id and orders alike. */
export function checkPointId(id: string): void {
  if (!UUID.test(id)) refuse('id', `"${id}" can't be a point's id: use a UUID in lower case.`);
}

/** @returns the request's vector at unit length */
export function checkSearch(collection: string, stored: ModelIdentity, request: SearchRequest): Float32Array {
  checkSameModel(collection, stored, request.model);
  if (!Number.isInteger(request.topK) || request.topK < 1 || request.topK > MAX_TOP_K) {
    refuse('topK', `topK must be an integer in 1..${MAX_TOP_K}, not ${request.topK}.`);
  }
  if (!MODALITIES.includes(request.modality)) {
    refuse('modality', `There are no vectors named "${request.modality}": use audio or video.`);
  }
  if (request.minScore !== undefined && !Number.isFinite(request.minScore)) {
    refuse('minScore', 'minScore must be a finite number, a cosine similarity in -1..1.');
  }
  checkFilter(request.filter);
  return toUnitVector(request.vector, stored.dimension);
}

const MAX_FILTER_VALUES = 10_000;

/** Engines bound the length of a list; the bound here is one that all of them take. */
export function checkFilter(filter: PointFilter | undefined): void {
  for (const [field, values] of Object.entries(filter ?? {})) {
    if (Array.isArray(values) && values.length > MAX_FILTER_VALUES) {
      refuse(
        `filter.${field}`,
        `filter.${field} has ${values.length} values: give at most ${MAX_FILTER_VALUES}.`,
      );
    }
  }
}

export function checkPage({ afterId, limit }: { afterId?: string; limit: number }): void {
  if (!Number.isInteger(limit) || limit < 1)
    refuse('limit', `A page needs a limit of at least 1, not ${limit}.`);
  if (afterId !== undefined) checkPointId(afterId);
}
