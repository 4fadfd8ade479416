/** The models there are to choose from: those shipped with the product, and those in the data folder. */
import { access, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EarshotError } from '#core/errors';
import type { ModelCalibration } from '#model/checkpoint/manifest';
import type { AudioInputSpec, ModelIdentity, SegmentPlan, VideoInputSpec } from '#model/embedding-model';
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

/** Models that `earshot models pull` knows how to fetch. */
export const PULLABLE_MODELS: readonly string[] = ['concept'];

const SHIPPED_FOLDER = fileURLToPath(new URL('../../models', import.meta.url));

/**
 * The model of that name, or in that folder.
 *
 * @throws EarshotError `model_not_found`, `model_invalid`
 */
export async function findModel(name: string, dataDir: string, reader: ModelReader): Promise<ActiveModel> {
  const folder = await findModelFolder(name, dataDir);
  const info = await reader.readModelInfo(folder);
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

/** Every model that can be chosen by name, ascending; a folder that holds no valid model is left out. */
export async function listModels(
  active: ActiveModel,
  dataDir: string,
  reader: ModelReader,
): Promise<ModelSummary[]> {
  const folders = new Map<string, string>();
  for (const parent of [SHIPPED_FOLDER, ownFolder(dataDir)]) {
    for (const entry of await readdir(parent, { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory()) folders.set(entry.name, path.join(parent, entry.name));
    }
  }
  folders.set(active.name, active.folder);
  const names = [...folders.keys()].sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const folder = folders.get(name) ?? '';
      const info = await reader.readModelInfo(folder).catch(() => null);
      if (info === null) return [];
      const { id, version, dimension } = info.identity;
      return [
        {
          name,
          id,
          version,
          dimension,
          active: folder === active.folder,
          hasTextTower: info.hasTextTower ?? false,
          description: info.description,
        },
      ];
    }),
  );
  return found.flat();
}

/** A collection holds the vectors of one model only, so its name says which. */
function indexCollectionOf({ id, version, dimension }: ModelIdentity): string {
  const plain = (text: string) => text.replace(/[^A-Za-z0-9._-]/g, '_');
  return `earshot-${plain(id)}-${plain(version)}-${dimension}`.slice(0, 128);
}

/** Where that model lies. @throws EarshotError `model_not_found` */
export async function findModelFolder(name: string, dataDir: string): Promise<string> {
  const isPath = /[/\\]/.test(name) || name === '.' || name === '..';
  const candidates = isPath
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
