/** The models there are to choose from: those shipped with the product, and those in the data folder. */
import { access, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EarshotError } from '#core/errors';
import type { ModelCalibration } from '#model/checkpoint/manifest';
import { EMBEDDING_GEMMA } from '#model/embedding-gemma/manifest';
import type { AudioInputSpec, ModelIdentity, SegmentPlan, VideoInputSpec } from '#model/embedding-model';
import type { ModelCollection } from '#store/repositories/models';
import type { ActiveModel } from './active-model.ts';
import type { ModelSummary } from './catalog-service.ts';

/** What a model's folder says of itself, without its weights. */
interface ModelDescription {
  identity: ModelIdentity;
  description: string;
  segments: SegmentPlan;
  audioInput: AudioInputSpec;
  videoInput: VideoInputSpec;
  /** Left out: it has none. */
  hasTextTower?: boolean;
  /** Left out: nothing has been fitted. */
  calibration?: ModelCalibration;
}

/** Reads a model's folder; the same module loads the weights inside the inference threads. */
export interface ModelReader {
  readModelInfo(folder: string): Promise<ModelDescription>;
}

export { DIMENSIONS, EMBEDDING_GEMMA, GRAPH_ENDINGS } from '#model/embedding-gemma/manifest';

/** Models that `earshot models pull` knows how to fetch. */
export const PULLABLE_MODELS: readonly string[] = ['concept', EMBEDDING_GEMMA];

const SHIPPED_FOLDER = fileURLToPath(new URL('../../models', import.meta.url));

/**
 * The model of that name, or in that folder.
 *
 * @throws EarshotError `model_not_found`, `model_invalid`
 */
export async function findModel(name: string, dataDir: string, reader: ModelReader): Promise<ActiveModel> {
  const folder = await findModelFolder(name, dataDir);
  return toActiveModel(folder, await reader.readModelInfo(folder));
}

interface ModelPlaces {
  dataDir: string;
  reader: ModelReader;
  /** May lie anywhere. */
  configured: ActiveModel | null;
}

/**
 * The model whose vectors the collection holds, told by its identity: each machine has it in its own place.
 *
 * @throws EarshotError `model_not_found`, which may pass once the model has been brought here
 */
export async function findModelOfCollection(
  { collection, model: { id, version } }: ModelCollection,
  { dataDir, reader, configured }: ModelPlaces,
): Promise<ActiveModel> {
  if (configured?.indexCollection === collection) return configured;
  for (const folder of (await modelFolders(dataDir, null)).values()) {
    const info = await reader.readModelInfo(folder).catch(() => null);
    if (info && indexCollectionOf(info.identity) === collection) return toActiveModel(folder, info);
  }
  const message = `This catalog's model is "${id}@${version}", and ${ownFolder(dataDir)} has no such model. Bring it there ("earshot models pull", or copy its folder), or choose another with "earshot models use NAME".`;
  throw new EarshotError('model_not_found', message, { subject: id, retryable: true });
}

/**
 * Every model that can be chosen by name, ascending, and those that the catalog has vectors of without their files; a
 * folder that holds no valid model is left out.
 */
export async function listModels(
  rows: readonly ModelCollection[],
  places: ModelPlaces,
): Promise<ModelSummary[]> {
  const folders = await modelFolders(places.dataDir, places.configured);
  const found = await Promise.all(
    [...folders].map(async ([name, folder]) => {
      const info = await places.reader.readModelInfo(folder).catch(() => null);
      return info === null ? [] : [{ name, info, collection: indexCollectionOf(info.identity) }];
    }),
  );
  const installed = found.flat().map(({ name, info, collection }): ModelSummary => {
    const state = rows.find((row) => row.collection === collection)?.state ?? 'unused';
    const { hasTextTower = false, description } = info;
    return {
      name,
      ...info.identity,
      active: state === 'live',
      state,
      installed: true,
      hasTextTower,
      description,
    };
  });
  const here = new Set(found.flat().map(({ collection }) => collection));
  const absent = rows
    .filter(({ collection }) => !here.has(collection))
    .map(({ model, state }): ModelSummary => {
      const description = 'its files are not here';
      const common = { active: state === 'live', state, installed: false, hasTextTower: false };
      return { name: model.id, ...model, ...common, description };
    });
  return [...installed, ...absent].sort((a, b) => compare(a.name, b.name) || compare(a.version, b.version));
}

/**
 * A model to be used by all processes of the catalog: by name, because each machine has it in its own place.
 *
 * @throws EarshotError `model_not_found`, `model_invalid`, `invalid_argument` for a folder's path
 */
export async function findChoosable(name: string, places: ModelPlaces): Promise<ActiveModel> {
  const { configured, dataDir, reader } = places;
  if (configured?.name === name) return configured;
  if (isPath(name)) {
    const message = `A model is used by its name: copy the folder into ${ownFolder(dataDir)} and give that folder's name.`;
    throw new EarshotError('invalid_argument', message, { subject: name });
  }
  return findModel(name, dataDir, reader);
}

/** The names of the models at hand, by the collection of the index that is theirs. */
export async function indexCollectionNames(places: ModelPlaces): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const [name, folder] of await modelFolders(places.dataDir, places.configured)) {
    const info = await places.reader.readModelInfo(folder).catch(() => null);
    if (info) names.set(indexCollectionOf(info.identity), name);
  }
  return names;
}

function isPath(name: string): boolean {
  return /[/\\]/.test(name) || name === '.' || name === '..';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Folders by the name that the model is chosen by; one's own come before those shipped. */
async function modelFolders(dataDir: string, configured: ActiveModel | null): Promise<Map<string, string>> {
  const folders = new Map<string, string>();
  for (const parent of [SHIPPED_FOLDER, ownFolder(dataDir)]) {
    for (const entry of await readdir(parent, { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory()) folders.set(entry.name, path.join(parent, entry.name));
    }
  }
  if (configured) folders.set(configured.name, configured.folder);
  return folders;
}

function toActiveModel(folder: string, info: ModelDescription): ActiveModel {
  const { identity, description, segments, audioInput, videoInput } = info;
  return {
    name: path.basename(folder),
    folder,
    description,
    identity,
    segments,
    audioInput,
    videoInput,
    hasTextTower: info.hasTextTower ?? false,
    calibration: info.calibration,
    indexCollection: indexCollectionOf(identity),
  };
}

/** A collection holds the vectors of one model only, so its name says which. */
function indexCollectionOf({ id, version, dimension }: ModelIdentity): string {
  const plain = (text: string) => text.replace(/[^A-Za-z0-9._-]/g, '_');
  return `earshot-${plain(id)}-${plain(version)}-${dimension}`.slice(0, 128);
}

/** Where that model lies. @throws EarshotError `model_not_found` */
export async function findModelFolder(name: string, dataDir: string): Promise<string> {
  const candidates = isPath(name)
    ? [path.resolve(name)]
    : [path.join(ownFolder(dataDir), name), path.join(SHIPPED_FOLDER, name)];
  for (const folder of candidates) {
    const exists = await access(folder).then(
      () => true,
      () => false,
    );
    if (exists) return folder;
  }
  const message = PULLABLE_MODELS.includes(name)
    ? `The model "${name}" is not there yet: fetch it with "earshot models pull ${name}".`
    : `There is no model "${name}". Give the name of a shipped model or the path of a model's folder in EARSHOT_MODEL.`;
  throw new EarshotError('model_not_found', message, { subject: 'EARSHOT_MODEL' });
}

/** Where models that were trained or pulled lie. */
export function ownFolder(dataDir: string): string {
  return path.join(dataDir, 'models');
}
