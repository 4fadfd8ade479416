/** The synchronisation head in a model's folder: a file of its own beside the towers' weights, which it does not need. */
import path from 'node:path';
import type { NamedArray } from '../layers/parameters.ts';
import { SynchronizationHead } from '../synchronization/synchronization-head.ts';
import {
  readCheckedFile,
  readTwoTowerManifest,
  sha256,
  writeFileAtomically,
  writeManifest,
} from './checkpoint.ts';
import type { ModelManifest } from './manifest.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';

const FILE = 'synchronization.safetensors';

/** A head with the threshold that goes with it. */
export interface StoredSynchronization {
  head: SynchronizationHead;
  leastSynchronizability: number;
}

/**
 * Puts a head into a model's folder, in place of the one that may be there.
 *
 * @returns the manifest as written
 * @throws EarshotError `model_not_found` or `model_invalid`
 */
export async function writeSynchronization(
  folder: string,
  arrays: readonly NamedArray[],
  { leastSynchronizability, training }: { leastSynchronizability: number; training: Record<string, unknown> },
): Promise<ModelManifest> {
  const { training: ofTowers, heads, ...rest } = await readTwoTowerManifest(folder);
  const bytes = encodeSafetensors(arrays, { model: rest.id });
  await writeFileAtomically(path.join(folder, FILE), bytes);
  const synchronization = { file: FILE, sha256: sha256(bytes), leastSynchronizability, training };
  const manifest = { ...rest, heads: { ...heads, synchronization }, training: ofTowers };
  await writeManifest(folder, manifest);
  return manifest;
}

/**
 * The head of a folder, or null where it has none.
 *
 * @throws EarshotError `checkpoint_invalid` when its file is missing, damaged or no head
 */
export async function readSynchronization(
  folder: string,
  { heads }: ModelManifest,
): Promise<StoredSynchronization | null> {
  if (!heads?.synchronization) return null;
  const { file, leastSynchronizability } = heads.synchronization;
  const bytes = await readCheckedFile(folder, heads.synchronization);
  const arrays = decodeSafetensors(bytes, path.join(folder, file));
  return { head: new SynchronizationHead(arrays), leastSynchronizability };
}
