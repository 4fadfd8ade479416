/**
 * The demonstration: ingests the sample clips and searches among them in both directions. Nothing it prints is
 * prepared; each line is what the catalog answers.
 */
import type { CatalogService, Clip, Modality, SearchResult } from '#catalog/catalog-service';
import { EarshotError } from '#core/errors';
import type { CommandContext } from './context.ts';
import { type FileToIngest, type IngestReport, ingestFiles } from './ingest-files.ts';
import { readManifest } from './manifest.ts';
import { progressView } from './progress-view.ts';
import { resultTable } from './result-table.ts';

const COLLECTION = 'samples';
const SHOWN = 5;

/** Ingests what the manifest names; what is there already stays. */
export async function ingestSamples(
  catalog: CatalogService,
  manifest: string,
  context: CommandContext,
): Promise<Clip[]> {
  const files = (await readManifest(manifest)).map((entry) => ({ ...entry, collection: COLLECTION }));
  let report = await ingestAll(catalog, files, context);
  let clips = await clipsOf(catalog, report);
  if (report.skipped.length > 0 && !(await areSearchable(catalog, clips))) {
    context.note('The samples were ingested with another model: once more with this one.');
    for (const clip of clips) await catalog.deleteClip(clip.id);
    report = await ingestAll(catalog, files, context);
    clips = await clipsOf(catalog, report);
  }
  const { ingested, skipped } = report;
  context.print(`${ingested.length} clips ingested, ${skipped.length} were there already.`);
  return clips;
}

/** Searches with one clip and prints what is found; a tick marks clips with a label of the query. */
export async function showSearch(
  catalog: CatalogService,
  query: Clip,
  target: Modality,
  context: CommandContext,
): Promise<void> {
  const from = target === 'audio' ? 'picture' : 'sound';
  const wanted = target === 'audio' ? 'these sounds' : 'this footage';
  const page = await searchWith(catalog, query, target, SHOWN);
  context.print(`\nThe ${from} of "${query.title}" (${query.fileName}) finds ${wanted}:`);
  context.print(resultTable(page.results, { mark: (result) => isHit(query, result) }));
  context.print(
    `  ✓ another ${query.labels.join(', ')}; ${Math.round(page.tookMs)} ms, model ${page.model.id}`,
  );
}

/** Searches with every clip and prints how often the best other clip is of the same kind, and what chance gives. */
export async function showHitRate(
  catalog: CatalogService,
  clips: readonly Clip[],
  target: Modality,
  context: CommandContext,
): Promise<void> {
  let hits = 0;
  let chance = 0;
  for (const query of clips) {
    const { results } = await searchWith(catalog, query, target, 1);
    if (results[0] && isHit(query, results[0])) hits += 1;
    const alike = clips.filter((clip) => clip.id !== query.id && shareLabel(clip, query)).length;
    chance += alike / Math.max(1, clips.length - 1);
  }
  const direction = target === 'audio' ? 'picture -> sound' : 'sound -> footage';
  const byChance = chance.toFixed(1);
  context.print(
    `${direction}: ${hits} of ${clips.length} searches put a clip of the same kind first (chance: ${byChance})`,
  );
}

async function ingestAll(
  catalog: CatalogService,
  files: readonly FileToIngest[],
  context: CommandContext,
): Promise<IngestReport> {
  const progress = progressView(files.length);
  try {
    return await ingestFiles(catalog, files, { progress, signal: context.signal });
  } finally {
    progress.stop();
  }
}

/** @throws EarshotError naming the first file that could not be ingested, or `cancelled` */
async function clipsOf(catalog: CatalogService, report: IngestReport): Promise<Clip[]> {
  const [failed] = report.failed;
  if (failed) {
    throw new EarshotError('decode_failed', `${failed.file} could not be ingested: ${failed.message}`);
  }
  const ids = [...report.ingested, ...report.skipped].map((entry) => entry.clipId);
  if (ids.length === 0) throw new EarshotError('cancelled', 'Stopped; run the demo again to go on.');
  const clips = await Promise.all([...new Set(ids)].map((id) => catalog.getClip(id)));
  return clips.sort((a, b) => (a.fileName < b.fileName ? -1 : 1));
}

async function areSearchable(catalog: CatalogService, clips: readonly Clip[]): Promise<boolean> {
  const [first] = clips;
  if (!first) return true;
  try {
    return (await searchWith(catalog, first, 'audio', 1)).total > 0;
  } catch (error) {
    if (
      error instanceof EarshotError &&
      ['conflict', 'model_mismatch', 'modality_missing'].includes(error.code)
    ) {
      return false;
    }
    throw error;
  }
}

/** Without the query clip itself, whose own sound would be too easy to find. */
function searchWith(catalog: CatalogService, query: Clip, target: Modality, topK: number) {
  return catalog.search({
    query: { clipId: query.id, modality: target === 'audio' ? 'video' : 'audio' },
    for: target,
    topK,
    filter: { collections: [COLLECTION], excludeClipIds: [query.id] },
  });
}

function isHit(query: Clip, result: SearchResult): boolean {
  return shareLabel(query, result.clip);
}

function shareLabel(a: Clip, b: Clip): boolean {
  return a.labels.some((label) => b.labels.includes(label));
}
