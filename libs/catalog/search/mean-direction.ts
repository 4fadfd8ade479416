import { EarshotError } from '#core/errors';

/** The normalised mean: what the segments have in common. Opposite vectors cancel; then the first one speaks. */
export function meanDirection(vectors: readonly Float32Array[]): Float32Array {
  const first = vectors[0];
  if (first === undefined) throw new EarshotError('internal', 'A mean needs at least one vector.');
  if (vectors.length === 1) return first;
  const mean = new Float32Array(first.length);
  for (const vector of vectors)
    for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] ?? 0) + (vector[i] ?? 0);
  const norm = Math.hypot(...mean);
  return norm < 1e-6 ? first : mean.map((value) => value / norm);
}
