/** Small rows for the store's tests. */
import { randomUUID } from 'node:crypto';
import type { ModelIdentity } from '#store/index/vector-index';
import type { NewClipRow } from '#store/repositories/clips';

export const MODEL: ModelIdentity = { id: 'mini', version: '1', dimension: 3 };

export function newClip(change: Partial<NewClipRow> = {}): NewClipRow {
  return {
    collection: 'default',
    title: 'A dog barks',
    fileName: 'dog.mp4',
    sha256: randomUUID(),
    sizeBytes: 5_000_000_000,
    mimeType: 'video/mp4',
    storageKey: 'ab/cd',
    ...change,
  };
}
