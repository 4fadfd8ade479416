/** The folder of an adapted model: `model.json`, `heads.safetensors`, and the frozen towers whole in `base/`. */
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { readCheckedFile, sha256, writeFileAtomically, writeManifest } from '../checkpoint/checkpoint.ts';
import type { AdaptedManifest } from '../checkpoint/manifest.ts';
import { decodeSafetensors, encodeSafetensors } from '../checkpoint/safetensors.ts';
import type { ModelIdentity } from '../embedding-model.ts';
import type { ModelInfo } from '../load-model.ts';
import type { HeadKernels } from './residual-head.ts';

const HEADS_FILE = 'heads.safetensors';
const BASE_VERSION = '0.1.0';

export interface NewAdaptedModel {
  id: string;
  description: string;
  /** Of the frozen towers, which are copied. */
  base: { folder: string; info: ModelInfo };
  kernels: HeadKernels;
  training: Record<string, unknown>;
}

/** Where the frozen towers of an adapted model lie. */
export function baseFolder(folder: string): string {
  return path.join(folder, 'base');
}

/**
 * Writes the folder beside its place and exchanges it whole: until then the model that was there before stays.
 *
 * @returns the manifest as written
 * @throws EarshotError `conflict` where the folder holds something other than a model
 */
export async function writeAdaptedModel(folder: string, model: NewAdaptedModel): Promise<AdaptedManifest> {
  const { id, description, base, kernels, training } = model;
  await requireReplaceable(folder);
  const { dimension } = base.info.identity;
  const shape = [dimension, dimension];
  const bytes = encodeSafetensors(
    [
      { name: 'audio/kernel', shape, data: kernels.audio },
      { name: 'video/kernel', shape, data: kernels.video },
    ],
    { model: id },
  );
  const hash = sha256(bytes);
  const manifest: AdaptedManifest = {
    format: 'earshot-model/1',
    id,
    version: `${BASE_VERSION}+${hash.slice(0, 8)}`,
    description,
    segments: base.info.segments,
    dimension,
    towers: { kind: 'adapted', base: base.info.identity, heads: { file: HEADS_FILE, sha256: hash } },
    training,
  };
  const staging = path.join(path.dirname(folder), `.${path.basename(folder)}.partial`);
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  try {
    await cp(base.folder, baseFolder(staging), { recursive: true, dereference: true });
    await writeFileAtomically(path.join(staging, HEADS_FILE), bytes);
    await writeManifest(staging, manifest);
    await rm(folder, { recursive: true, force: true });
    await rename(staging, folder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
  return manifest;
}

/** A folder of somebody's files is not ours to replace. @throws EarshotError `conflict` */
export async function requireReplaceable(folder: string): Promise<void> {
  const entries: string[] = await readdir(folder).catch(() => []);
  if (entries.length === 0 || entries.includes('model.json')) return;
  const message = `${folder} holds other files than a model: give a folder of its own.`;
  throw new EarshotError('conflict', message, { subject: folder });
}

/**
 * @throws EarshotError `checkpoint_invalid` when the heads are missing, damaged or of another dimension
 */
export async function readHeads(
  folder: string,
  { dimension, towers }: AdaptedManifest,
): Promise<HeadKernels> {
  const subject = path.join(folder, towers.heads.file);
  const arrays = decodeSafetensors(await readCheckedFile(folder, towers.heads), subject);
  const kernel = (name: string) => {
    const found = arrays.find((array) => array.name === name);
    if (found?.shape.join() === `${dimension},${dimension}`) return found.data;
    const message = `${subject} has no ${name} of ${dimension} x ${dimension}: train the model again.`;
    throw new EarshotError('checkpoint_invalid', message, { subject });
  };
  return { audio: kernel('audio/kernel'), video: kernel('video/kernel') };
}

/**
 * What an adapted model is: the inputs of its base, an identity of its own.
 *
 * @throws EarshotError `model_invalid` where the towers are not those that the heads were learned on
 */
export function adaptedInfo(manifest: AdaptedManifest, base: ModelInfo): ModelInfo {
  requireSameBase(manifest, base.identity);
  const { calibration: _ofBase, ...rest } = base;
  return {
    ...rest,
    identity: adaptedIdentity(manifest),
    description: manifest.description,
    training: manifest.training,
    parameterCount:
      base.parameterCount === null ? null : base.parameterCount + 2 * manifest.dimension * manifest.dimension,
  };
}

export function adaptedIdentity({ id, version, dimension }: AdaptedManifest): ModelIdentity {
  return { id, version, dimension };
}

/** @throws EarshotError `model_invalid` */
export function requireSameBase({ id, towers, dimension }: AdaptedManifest, found: ModelIdentity): void {
  const { base } = towers;
  if (found.id === base.id && found.version === base.version && found.dimension === dimension) return;
  const message = `${id} was learned on ${base.id} ${base.version}, and its towers are now ${found.id} ${found.version}: train it again with --base ${base.id}.`;
  throw new EarshotError('model_invalid', message, { subject: id });
}
