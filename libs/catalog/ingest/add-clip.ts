/**
 * Taking a file into the catalog: looked at first, stored once, and written down together with its job in one
 * transaction. Whatever fails on the way leaves nothing behind. The same bytes in the same collection are the clip
 * that is there already.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { v7 } from 'uuid';
import { EarshotError } from '#core/errors';
import { DEFAULT_MEDIA_LIMITS } from '#media/limits';
import { type MediaInfo, probe } from '#media/probe';
import type { Database } from '#store/database';
import type { ObjectStore } from '#store/objects/object-store';
import type { JobQueue } from '#store/queue';
import { ClipRepository, type ClipRow, type NewClipRow } from '#store/repositories/clips';
import { JobRepository } from '#store/repositories/jobs';
import type { AddedClip, NewClip } from '../catalog-service.ts';
import { checkClipFields } from '../clip-fields.ts';
import { toClip, toJob } from '../clip-view.ts';
import { INGEST_QUEUE, type IngestPayload, requeueIngest } from '../jobs.ts';
import { onStoredFile } from '../own-name.ts';
import { storedSourcePath } from '../source-path.ts';

export interface AddClipParts {
  database: Database;
  objects: ObjectStore;
  queue: JobQueue;
  /** Keys of objects that have no row yet, so that no reconciliation takes them for orphans. */
  uploads: Set<string>;
}

const DEFAULT_COLLECTION = 'default';

/**
 * @throws EarshotError `invalid_argument`, what `probe` says of the file, `disk_full`, `storage_failed`, `cancelled`
 */
export async function addClip(input: NewClip, parts: AddClipParts, signal?: AbortSignal): Promise<AddedClip> {
  checkClipFields({ ...input, sourcePath: 'stream' in input.source ? input.source.sourcePath : undefined });
  const collection = input.collection ?? DEFAULT_COLLECTION;
  const fileName = nameOf(input);
  // A local file can be judged where it lies: what is bad or known costs no copy.
  const judged = 'path' in input.source ? await judge(input.source.path, signal) : null;
  if (judged !== null) {
    const known = await new ClipRepository(parts.database).findByHash(collection, judged.sha256);
    if (known !== null) return answerKnown(known, parts);
  }
  const id = v7();
  const key = storageKey(id, fileName);
  parts.uploads.add(key);
  try {
    const { sha256 } = await store(input, key, parts.objects, signal);
    // Unless the file changed between the two readings, what was found out holds for the copy.
    const info =
      judged?.sha256 === sha256
        ? judged.info
        : await onStoredFile({ fileName, storageKey: key }, parts.objects, (file) => probe(file, { signal }));
    const row = toRow({ ...input, collection }, { id, key, fileName, sha256, info });
    return await insert(row, key, parts);
  } catch (error) {
    await parts.objects.delete(key);
    throw error;
  } finally {
    parts.uploads.delete(key);
  }
}

async function insert(
  row: NewClipRow & { id: string },
  key: string,
  parts: AddClipParts,
): Promise<AddedClip> {
  const { clip, job } = await parts.database.transaction(async (session) => {
    const inserted = await new ClipRepository(session).insert(row);
    if (!inserted.created) return { clip: inserted.clip, job: null };
    const created = await new JobRepository(session).create({ kind: 'ingest', clipId: row.id });
    const payload: IngestPayload = { clipId: row.id };
    await parts.queue.send(INGEST_QUEUE, payload, { id: created.id, session });
    return { clip: inserted.clip, job: created };
  });
  if (job === null) {
    await parts.objects.delete(key);
    return answerKnown(clip, parts);
  }
  parts.queue.wake(INGEST_QUEUE);
  return { clip: toClip(clip), job: toJob(job), created: true };
}

/** The clip that is there; where its ingest failed, it gets another chance. */
async function answerKnown(known: ClipRow, parts: AddClipParts): Promise<AddedClip> {
  const jobs = new JobRepository(parts.database);
  const latest = known.status === 'indexed' ? null : await jobs.latestForClip(known.id);
  if (known.status !== 'failed' || latest === null) {
    return { clip: toClip(known), job: latest && toJob(latest), created: false };
  }
  const requeued = await parts.database.transaction((session) => requeueIngest(session, parts.queue, latest));
  parts.queue.wake(INGEST_QUEUE);
  const clip = (await new ClipRepository(parts.database).get(known.id)) ?? known;
  return { clip: toClip(clip), job: toJob(requeued ?? latest), created: false };
}

/** Copies the source into the object store; the digest is that of the bytes stored. */
async function store(
  input: NewClip,
  key: string,
  objects: ObjectStore,
  signal: AbortSignal | undefined,
): Promise<{ sha256: string }> {
  const hash = createHash('sha256');
  const source = 'path' in input.source ? createReadStream(input.source.path) : input.source.stream;
  let sizeBytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length;
      hash.update(chunk);
      done(sizeBytes > DEFAULT_MEDIA_LIMITS.maxFileBytes ? tooLarge() : null, chunk);
    },
  });
  // Both ends are watched: whichever fails ends the other, and the store's own error is the one that counts.
  const [, stored] = await Promise.allSettled([
    pipeline(source, meter, { signal }),
    objects.put(key, meter, { signal }),
  ]);
  if (stored.status === 'rejected') throw stored.reason;
  return { sha256: hash.digest('hex') };
}

function tooLarge(): EarshotError {
  const message = `The upload is larger than the ${DEFAULT_MEDIA_LIMITS.maxFileBytes} bytes allowed.`;
  return new EarshotError('payload_too_large', message);
}

async function judge(file: string, signal?: AbortSignal): Promise<{ info: MediaInfo; sha256: string }> {
  const info = await probe(file, { signal });
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, { signal });
  return { info, sha256: hash.digest('hex') };
}

function toRow(
  input: NewClip & { collection: string },
  stored: { id: string; key: string; fileName: string; sha256: string; info: MediaInfo },
): NewClipRow & { id: string } {
  const { info, fileName } = stored;
  return {
    id: stored.id,
    collection: input.collection,
    title: input.title?.trim() || path.parse(fileName).name || fileName,
    fileName,
    sourcePath: storedSourcePath(input.source),
    tags: input.tags ?? [],
    labels: input.labels ?? [],
    metadata: input.metadata ?? {},
    sha256: stored.sha256,
    sizeBytes: info.sizeBytes,
    mimeType: info.mimeType,
    storageKey: stored.key,
    durationSec: info.isStillImage ? null : info.durationSec,
    width: info.video?.width ?? null,
    height: info.video?.height ?? null,
    frameRateHz: info.isStillImage ? null : (info.video?.frameRateHz ?? null),
    audioSampleRateHz: info.audio?.sampleRateHz ?? null,
    hasAudio: info.audio !== null,
    hasVideo: info.video !== null,
    status: 'pending',
  };
}

/** The name without folders, control characters, or more length than a title can show. */
function nameOf(input: NewClip): string {
  const given = 'path' in input.source ? input.source.path : input.source.fileName;
  const base = given.split(/[/\\]/).at(-1) ?? '';
  const clean = base
    .replace(/\p{Cc}/gu, '')
    .trim()
    .slice(-255);
  return clean || 'clip';
}

/** One object for each clip. Spread over folders by the id's random end; its beginning is the time. */
function storageKey(id: string, fileName: string): string {
  const extension = /\.[a-z0-9]{1,8}$/i.exec(fileName)?.[0].toLowerCase() ?? '';
  return `${id.slice(-2)}/${id}${extension}`;
}
