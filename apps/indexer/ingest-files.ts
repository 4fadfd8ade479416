/** Ingests many files: several on their way at once, each failure kept to its file, results in the files' order. */
import { basename, resolve } from 'node:path';
import pLimit from 'p-limit';
import type { CatalogService, Job, Modality, NewClip } from '#catalog/catalog-service';
import { asEarshotError } from '#core/errors';

/** While one file is embedded, the next ones are copied, hashed and queued. */
const FILES_UNDER_WAY = 4;

const STOPPED = { code: 'cancelled', message: 'Stopped; run the same command again to go on.' };

export interface FileToIngest extends Omit<NewClip, 'source'> {
  file: string;
}

export interface IngestReport {
  ingested: { clipId: string; file: string; segments: number; modalities: Modality[] }[];
  skipped: { file: string; clipId: string; reason: string }[];
  failed: { file: string; code: string; message: string }[];
}

type Outcome =
  | { kind: 'ingested'; entry: IngestReport['ingested'][number] }
  | { kind: 'skipped'; entry: IngestReport['skipped'][number] }
  | { kind: 'failed'; entry: IngestReport['failed'][number] };

export interface IngestProgress {
  /** 0..1 of this file. */
  fileProgress(file: string, progress: number, stage: string): void;
  fileEnded(file: string, outcome: Outcome['kind'], message: string): void;
}

/**
 * @param options `signal`: files not begun are left out of the report, those under way are reported as `cancelled`;
 *   what was queued is finished by the next run
 */
export async function ingestFiles(
  catalog: CatalogService,
  files: readonly FileToIngest[],
  options: { progress: IngestProgress; signal: AbortSignal },
): Promise<IngestReport> {
  const limit = pLimit(FILES_UNDER_WAY);
  const claimed = new Set<string>();
  const outcomes = await Promise.all(
    files.map((file) =>
      limit(async () => {
        if (options.signal.aborted) return null;
        const outcome = await ingestOne(catalog, file, claimed, options);
        options.progress.fileEnded(file.file, outcome.kind, describe(outcome));
        return outcome;
      }),
    ),
  );
  const report: IngestReport = { ingested: [], skipped: [], failed: [] };
  for (const outcome of outcomes) {
    if (outcome?.kind === 'ingested') report.ingested.push(outcome.entry);
    else if (outcome?.kind === 'skipped') report.skipped.push(outcome.entry);
    else if (outcome?.kind === 'failed') report.failed.push(outcome.entry);
  }
  return report;
}

async function ingestOne(
  catalog: CatalogService,
  { file, ...details }: FileToIngest,
  claimed: Set<string>,
  { progress, signal }: { progress: IngestProgress; signal: AbortSignal },
): Promise<Outcome> {
  try {
    const { clip, job } = await catalog.addClip({ source: { path: resolve(file) }, ...details }, { signal });
    if (claimed.has(clip.id)) return skipped(file, clip.id, 'the same bytes as another file of this run');
    if (job === null) return skipped(file, clip.id, 'already in the collection');
    claimed.add(clip.id);
    const ended = await followJob(catalog, job, signal, (state) => {
      progress.fileProgress(file, state.progress, state.stage);
    });
    if (ended.status !== 'done') return failed(file, failureOf(ended, signal));
    const { id, segmentCount, modalities } = await catalog.getClip(clip.id);
    return { kind: 'ingested', entry: { clipId: id, file, segments: segmentCount, modalities } };
  } catch (thrown) {
    return failed(file, signal.aborted ? STOPPED : asEarshotError(thrown));
  }
}

/** The job as it was when it ended, or when we stopped looking. */
async function followJob(
  catalog: CatalogService,
  job: Job,
  signal: AbortSignal,
  onChange: (job: Job) => void,
): Promise<Job> {
  let last = job;
  for await (const state of catalog.watchJob(job.id, { signal })) {
    last = state;
    onChange(state);
  }
  return last;
}

function failureOf(job: Job, signal: AbortSignal): { code: string; message: string } {
  if (signal.aborted) return STOPPED;
  return job.error ?? { code: 'internal', message: `The job ended as ${job.status} and says no more.` };
}

function failed(file: string, { code, message }: { code: string; message: string }): Outcome {
  return { kind: 'failed', entry: { file, code, message } };
}

function skipped(file: string, clipId: string, reason: string): Outcome {
  return { kind: 'skipped', entry: { file, clipId, reason } };
}

function describe(outcome: Outcome): string {
  const name = basename(outcome.entry.file);
  if (outcome.kind === 'skipped') return `${name}: ${outcome.entry.reason}`;
  if (outcome.kind === 'failed') return `${name}: [${outcome.entry.code}] ${outcome.entry.message}`;
  const { segments, modalities } = outcome.entry;
  return `${name}: ${segments} ${segments === 1 ? 'segment' : 'segments'} (${modalities.join(', ')})`;
}
