/**
 * `earshot models pull`: fetches the files of a pretrained model into the data folder. They gather in a hidden folder
 * beside their place, which takes its name only when everything is there and checked, so that nobody ever meets half
 * a model; the model that was there before stays until then.
 */
import { copyFile, mkdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { CONCEPT_FILES, CONCEPT_MANIFEST, type SourceFile } from '#model/concepts/sources';
import { EMBEDDING_GEMMA } from '#model/embedding-gemma/manifest';
import { downloadFile, isIntact } from './download/download-file.ts';
import { ownFolder, PULLABLE_MODELS } from './models.ts';
import { type EmbeddingGemmaChoice, pullEmbeddingGemma } from './pull-embedding-gemma.ts';
import { replaceFolder } from './replace-folder.ts';

export interface PullOptions {
  dataDir: string;
  /** A folder that holds the files; the network is left alone then. */
  from?: string;
  signal?: AbortSignal;
  /** The environment with the proxy variables. */
  env?: NodeJS.ProcessEnv;
  /** @param bytes of all files together */
  onProgress?(bytes: number, total: number): void;
  /** Where the files come from; tests name a server of their own. */
  files?: readonly SourceFile[];
  /** Of `embeddinggemma-2` alone. */
  embeddingGemma?: Partial<EmbeddingGemmaChoice>;
}

export interface PulledModel {
  name: string;
  folder: string;
  /** Bytes that the model takes. */
  bytes: number;
  /** Whether it was there already, whole. */
  alreadyThere: boolean;
}

/**
 * @throws EarshotError `model_not_found` for a name that nobody can fetch; `server_unreachable`, `not_found`,
 *   `checkpoint_invalid`, `disk_full`, `cancelled` as `downloadFile`; `file_not_found` where `from` lacks a file
 */
export async function pullModel(name: string, options: PullOptions): Promise<PulledModel> {
  if (!PULLABLE_MODELS.includes(name)) {
    const message = `There is no model "${name}" to fetch; there is ${PULLABLE_MODELS.join(', ')}.`;
    throw new EarshotError('model_not_found', message, { subject: name });
  }
  if (name === EMBEDDING_GEMMA) return pullEmbeddingGemma(options);
  const { dataDir, files = CONCEPT_FILES } = options;
  const folder = path.join(ownFolder(dataDir), name);
  const staging = path.join(ownFolder(dataDir), `.${name}.partial`);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const pulled = { name, folder, bytes: total };
  if (await areIntact(files, folder)) {
    await writeManifest(folder);
    return { ...pulled, alreadyThere: true };
  }
  await mkdir(staging, { recursive: true });
  try {
    await assertSpace(staging, total);
    await gather(files, staging, options);
    await writeManifest(staging);
    await replaceFolder(staging, folder);
  } catch (error) {
    await clearUnlessContinuable(staging, error);
    throw error;
  }
  return { ...pulled, alreadyThere: false };
}

async function areIntact(files: readonly SourceFile[], folder: string): Promise<boolean> {
  for (const file of files) if (!(await isIntact(file, path.join(folder, file.file)))) return false;
  return true;
}

async function gather(files: readonly SourceFile[], staging: string, options: PullOptions): Promise<void> {
  const { from, signal, env, onProgress } = options;
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  for (const file of files) {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The download was stopped.');
    const target = path.join(staging, file.file);
    if (from !== undefined) await copyChecked(file, path.resolve(from), target);
    else if (!(await isIntact(file, target))) {
      const report = (bytes: number) => onProgress?.(before + bytes, total);
      await downloadFile(file, target, { signal, env, onProgress: report });
    }
    before += file.bytes;
    onProgress?.(before, total);
  }
}

async function copyChecked(file: SourceFile, from: string, target: string): Promise<void> {
  const source = path.join(from, file.file);
  const isThere = await stat(source).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isThere) {
    const message = `${from} has no ${file.file}: it must hold ${CONCEPT_FILES.map((each) => each.file).join(', ')}.`;
    throw new EarshotError('file_not_found', message, { subject: source });
  }
  if (!(await isIntact(file, source))) {
    const message = `${source} is damaged or another version: its sha256 must be ${file.sha256}. Fetch it from ${file.url}.`;
    throw new EarshotError('checkpoint_invalid', message, { subject: source });
  }
  await copyFile(source, target);
}

async function writeManifest(folder: string): Promise<void> {
  const temporary = path.join(folder, 'model.json.part');
  await writeFile(temporary, `${JSON.stringify(CONCEPT_MANIFEST, null, 2)}\n`);
  await rename(temporary, path.join(folder, 'model.json'));
}

async function assertSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  const message = `The model needs ${Math.ceil(bytes / 2 ** 20)} MB in ${path.dirname(folder)}, and the disk has less free: make room, then run the command again.`;
  throw new EarshotError('disk_full', message, { subject: folder, retryable: true });
}

/** After an interruption the whole files and the begun one are kept for the next attempt; else nothing is. */
async function clearUnlessContinuable(staging: string, error: unknown): Promise<void> {
  const code = error instanceof EarshotError ? error.code : 'internal';
  if (code !== 'server_unreachable' && code !== 'cancelled') {
    await rm(staging, { recursive: true, force: true });
  }
}
