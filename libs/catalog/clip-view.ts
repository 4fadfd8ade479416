/** Rows of the database as users see them. */
import type { ClipRow } from '#store/repositories/clips';
import type { JobRow } from '#store/repositories/jobs';
import type { Clip, Job, Modality } from './catalog-service.ts';
import { shownSourcePath } from './source-path.ts';

export function toClip(row: ClipRow): Clip {
  return {
    id: row.id,
    collection: row.collection,
    title: row.title,
    fileName: row.fileName,
    sourcePath: shownSourcePath(row.sourcePath),
    tags: row.tags,
    labels: row.labels,
    metadata: row.metadata,
    sha256: row.sha256,
    sizeBytes: row.sizeBytes,
    mimeType: row.mimeType,
    durationSec: row.durationSec,
    width: row.width,
    height: row.height,
    frameRateHz: row.frameRateHz,
    audioSampleRateHz: row.audioSampleRateHz,
    modalities: modalitiesOf(row),
    status: row.status,
    error: row.error,
    segmentCount: row.segmentCount,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    kind: row.kind as Job['kind'],
    clipId: row.clipId,
    status: row.status,
    stage: row.stage,
    progress: row.progress,
    error: row.error,
    attempts: row.attempts,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** What the clip can be found by: its streams at first, and once it is indexed those with anything in them. */
function modalitiesOf(row: Pick<ClipRow, 'hasAudio' | 'hasVideo'>): Modality[] {
  return [...(row.hasAudio ? (['audio'] as const) : []), ...(row.hasVideo ? (['video'] as const) : [])];
}
