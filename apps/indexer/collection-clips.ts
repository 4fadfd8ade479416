/** The clips of a collection as files on this machine: those of our own store, or fetched from a running server. */
import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { CatalogService, Clip, ModelSummary } from '#catalog/catalog-service';
import { EarshotError } from '#core/errors';
import type { CandidateClip } from '#learning/training/usable-clips';
import type { CommandContext } from './context.ts';

export interface CollectionClips {
  candidates: CandidateClip[];
  /** What the catalog knows already to lack sound or picture, by reason. */
  skipped: Record<string, number>;
  modelInUse: ModelSummary | null;
}

interface FetchOptions {
  /** Where files of a server are kept; those that are there already are not fetched again. */
  folder: string;
  onProgress(done: number, total: number): void;
}

/** @throws EarshotError `unknown_collection` for one that has no clips */
export async function clipsOfCollection(
  context: CommandContext,
  collection: string,
  options: FetchOptions,
): Promise<CollectionClips> {
  const url = await context.serverUrl();
  if (url === null) {
    return context.withLocalCatalog({ worker: false }, (catalog) =>
      gather(catalog, collection, async (clip) => (await catalog.clipMedia(clip.id)).path, options),
    );
  }
  const { RemoteCatalog } = await import('#apps/api/client');
  const catalog = new RemoteCatalog(url);
  await mkdir(options.folder, { recursive: true });
  return gather(
    catalog,
    collection,
    async (clip) => {
      const file = path.join(options.folder, `${clip.sha256}${path.extname(clip.fileName)}`);
      if (!(await isThere(file))) await catalog.saveMedia(clip.id, file, { signal: context.signal });
      return file;
    },
    options,
  );
}

async function gather(
  catalog: CatalogService,
  collection: string,
  fileOf: (clip: Clip) => Promise<string>,
  options: FetchOptions,
): Promise<CollectionClips> {
  const known = await catalog.listCollections();
  if (!known.some(({ name }) => name === collection)) {
    const names = known.map(({ name }) => name).join(', ') || 'none yet';
    const message = `There is no collection ${collection}; there are: ${names}.`;
    throw new EarshotError('unknown_collection', message, { subject: collection });
  }
  const clips = await allClips(catalog, collection);
  const skipped: Record<string, number> = {};
  const candidates: CandidateClip[] = [];
  for (const [index, clip] of clips.entries()) {
    const reason = reasonAgainst(clip);
    if (reason) skipped[reason] = (skipped[reason] ?? 0) + 1;
    else {
      const { id, labels } = clip;
      candidates.push({ id, labels, source: id, file: await fileOf(clip) });
    }
    options.onProgress(index + 1, clips.length);
  }
  const models = await catalog.listModels();
  return { candidates, skipped, modelInUse: models.find(({ active }) => active) ?? null };
}

/** By id, so that the same clips make the same run whatever order they were added in. */
async function allClips(catalog: CatalogService, collection: string): Promise<Clip[]> {
  const clips: Clip[] = [];
  let cursor: string | undefined;
  do {
    const page = await catalog.listClips({ collection, limit: 100, ...(cursor && { cursor }) });
    clips.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return clips.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function reasonAgainst({ status, modalities }: Clip): string | null {
  if (status === 'failed') return 'failed to ingest';
  if (status !== 'indexed') return 'not ingested yet';
  if (!modalities.includes('audio')) return 'no sound';
  return modalities.includes('video') ? null : 'no picture';
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
