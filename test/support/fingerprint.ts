/** Digests to compare large arrays by: the same to the bit, without a walk over millions of values in the matcher. */
import { createHash } from 'node:crypto';
import type { NamedArray } from '#model/layers/parameters';

/** SHA-256 of the bytes behind the view. */
export function fingerprint({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}

/** Each array with a fingerprint for its values. */
export function fingerprints(arrays: readonly NamedArray[]) {
  return arrays.map(({ data, ...rest }) => ({
    ...rest,
    data: `${data.constructor.name} ${fingerprint(data)}`,
  }));
}
