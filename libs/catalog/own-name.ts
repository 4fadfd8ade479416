/**
 * Failures as the owner of a file may read them. Media and storage speak of the place where they work on a file,
 * which for uploads and stored objects is a path inside the server; its owner knows the file by another name.
 */
import { resolve } from 'node:path';
import { asEarshotError, EarshotError } from '#core/errors';
import type { ObjectStore } from '#store/objects/object-store';

export interface NamedFile {
  /** The name its owner knows. */
  fileName: string;
  /** Where it lies here: paths and storage keys, the longest first where one holds another. */
  places: readonly string[];
}

/**
 * Runs `work` on the file; where its failure names one of the file's places, the error has the file's own name
 * instead and the original as its cause. Any other failure goes on as it is.
 */
export async function underOwnName<T>(file: NamedFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toldByOwnName(error, file);
  }
}

/** Runs `work` on the local file of a stored clip, likewise. */
export function onStoredFile<T>(
  clip: { fileName: string; storageKey: string },
  objects: ObjectStore,
  work: (file: string) => Promise<T>,
): Promise<T> {
  const places = [clip.storageKey];
  return underOwnName({ fileName: clip.fileName, places }, async () => {
    const file = await objects.localPath(clip.storageKey);
    places.unshift(file);
    return work(file);
  });
}

function toldByOwnName(thrown: unknown, { fileName, places }: NamedFile): unknown {
  const error = asEarshotError(thrown);
  // Absolute paths first: a relative one is a part of them.
  const names = [...new Set([...places.map((place) => resolve(place)), ...places])];
  const told = names.reduce(
    (message, name) => message.replaceAll(`file:${name}`, fileName).replaceAll(name, fileName),
    error.message,
  );
  const isNamed = error.subject !== undefined && names.includes(error.subject);
  if (told === error.message && !isNamed) return thrown;
  const { code, retryable } = error;
  return new EarshotError(code, told, {
    subject: isNamed ? 'file' : error.subject,
    cause: thrown,
    retryable,
  });
}
