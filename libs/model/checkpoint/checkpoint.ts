/** Model folders: `model.json` beside `weights.safetensors`, written whole or not at all. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import type { NamedArray } from '../layers/parameters.ts';
import {
  type AnyManifest,
  type CheckedFile,
  type ModelCalibration,
  type ModelManifest,
  parseManifest,
  parseTwoTowerManifest,
} from './manifest.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';

const MANIFEST_FILE = 'model.json';
const WEIGHTS_FILE = 'weights.safetensors';
const SERVING_FILES = { audio: 'audio.onnx', video: 'video.onnx' };

export type NewManifest = Omit<ModelManifest, 'weights' | 'serving' | 'format' | 'version'> & {
  /** The weights' own hash is added, so that two trainings never share an identity. */
  baseVersion: string;
  parameterCount: number;
};

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Written beside its target and renamed, so that a reader never meets half a file. */
export async function writeFileAtomically(file: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** @returns the manifest as written */
export async function writeModelFolder(
  folder: string,
  description: NewManifest,
  arrays: readonly NamedArray[],
): Promise<ModelManifest> {
  const bytes = encodeSafetensors(arrays, { model: description.id });
  const hash = sha256(bytes);
  const { baseVersion, parameterCount, ...rest } = description;
  const manifest = parseTwoTowerManifest(
    {
      format: 'earshot-model/1',
      ...rest,
      version: `${baseVersion}+${hash.slice(0, 8)}`,
      weights: { file: WEIGHTS_FILE, sha256: hash, parameterCount },
    },
    path.join(folder, MANIFEST_FILE),
  );
  await mkdir(folder, { recursive: true });
  await writeFileAtomically(path.join(folder, WEIGHTS_FILE), bytes);
  await writeManifest(folder, manifest);
  return manifest;
}

/**
 * Puts the towers' ONNX graphs beside the weights; from then on the folder is served from them.
 *
 * @returns the manifest as written
 */
export async function writeServingGraphs(
  folder: string,
  manifest: ModelManifest,
  graphs: { audio: Uint8Array; video: Uint8Array },
): Promise<ModelManifest> {
  const write = async (tower: 'audio' | 'video'): Promise<CheckedFile> => {
    const file = SERVING_FILES[tower];
    await writeFileAtomically(path.join(folder, file), graphs[tower]);
    return { file, sha256: sha256(graphs[tower]) };
  };
  const serving = { audio: await write('audio'), video: await write('video') };
  const { training, ...rest } = manifest;
  const extended = { ...rest, serving, training };
  await writeManifest(folder, extended);
  return extended;
}

/**
 * Puts what was fitted into the model's description, beside what was fitted before.
 *
 * @returns the manifest as written
 * @throws EarshotError `model_not_found` or `model_invalid`
 */
export async function writeCalibration(folder: string, fitted: ModelCalibration): Promise<ModelManifest> {
  const { training, calibration, ...rest } = await readTwoTowerManifest(folder);
  const extended = { ...rest, calibration: { ...calibration, ...fitted }, training };
  await writeManifest(folder, extended);
  return extended;
}

/** Replaces `model.json` alone, whole or not at all. */
export async function writeManifest(folder: string, manifest: AnyManifest): Promise<void> {
  await writeFileAtomically(path.join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** @throws EarshotError `model_not_found` or `model_invalid` */
export async function readManifest(folder: string): Promise<AnyManifest> {
  const file = path.join(folder, MANIFEST_FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new EarshotError(
      'model_not_found',
      `No model in ${folder}: there is no readable ${MANIFEST_FILE}.`,
      {
        subject: folder,
        cause: error,
      },
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new EarshotError('model_invalid', `${file} is not JSON.`, { subject: file, cause: error });
  }
  return parseManifest(json, file);
}

/**
 * The manifest of a folder that must hold a trained two-tower model.
 *
 * @throws EarshotError `model_not_found` or `model_invalid`, the latter also for other kinds of model
 */
export async function readTwoTowerManifest(folder: string): Promise<ModelManifest> {
  return parseTwoTowerManifest(await readManifest(folder), path.join(folder, MANIFEST_FILE));
}

/** @throws EarshotError `checkpoint_invalid` when the weights are missing, damaged or not the manifest's */
export async function readWeights(folder: string, manifest: ModelManifest): Promise<NamedArray[]> {
  const bytes = await readCheckedFile(folder, manifest.weights);
  return decodeSafetensors(bytes, path.join(folder, manifest.weights.file));
}

/**
 * The towers' ONNX graphs, or null where the folder has none.
 *
 * @throws EarshotError `checkpoint_invalid` when a graph that the manifest names is missing or damaged
 */
export async function readServingGraphs(
  folder: string,
  { serving }: ModelManifest,
): Promise<{ audio: Uint8Array; video: Uint8Array } | null> {
  if (!serving) return null;
  return {
    audio: await readCheckedFile(folder, serving.audio),
    video: await readCheckedFile(folder, serving.video),
  };
}

/**
 * A file of a model's folder, as its publisher made it.
 *
 * @throws EarshotError `checkpoint_invalid` when it is missing, damaged or another one
 */
export async function readCheckedFile(folder: string, expected: CheckedFile): Promise<Uint8Array> {
  const file = path.join(folder, expected.file);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new EarshotError('checkpoint_invalid', `The model's file ${file} can't be read.`, {
      subject: file,
      cause: error,
    });
  }
  if (sha256(bytes) !== expected.sha256) {
    throw new EarshotError(
      'checkpoint_invalid',
      `${file} does not have the checksum that model.json states: fetch or train it again.`,
      { subject: file },
    );
  }
  return bytes;
}
