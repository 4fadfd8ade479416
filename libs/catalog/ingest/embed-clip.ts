/**
 * A stored clip's vectors under one model: decoded, embedded and written together with what the index must be told, in
 * one transaction, so that they are all there or none are.
 */
import type { Logger } from 'pino';
import { EarshotError } from '#core/errors';
import { type MediaInfo, probe } from '#media/probe';
import type { Database } from '#store/database';
import type { ObjectStore } from '#store/objects/object-store';
import { ClipRepository, type ClipRow } from '#store/repositories/clips';
import { EmbeddingRepository } from '#store/repositories/embeddings';
import { ModelRepository } from '#store/repositories/models';
import { OutboxRepository } from '#store/repositories/outbox';
import { lockClip } from '../clips.ts';
import type { OpenModel } from '../model-change/open-models.ts';
import { onStoredFile } from '../own-name.ts';
import { type EmbeddedMedia, embedMedia } from './embed-media.ts';

export interface EmbedClipParts {
  database: Database;
  objects: ObjectStore;
  logger: Logger;
}

export interface EmbedClipOptions {
  signal: AbortSignal;
  /** Told that decoding begins, and how far it is: 0..1 of the clip's time, 1 = only the model still works. */
  onProgress?: (stage: 'probe' | 'decode' | 'embed', decoded: number) => void;
}

/** Less than this is rounding. */
const CUT_OFF_SEC = 1;

/**
 * Embeds the clip; does nothing where an earlier attempt has got as far.
 *
 * @throws EarshotError as `probe`, `embedMedia` and the object store, `media_empty`, `cancelled`
 */
export async function embedClip(
  clip: ClipRow,
  open: OpenModel,
  parts: EmbedClipParts,
  options: EmbedClipOptions,
): Promise<void> {
  const { database, objects, logger } = parts;
  const { identity } = open.model;
  if (await new EmbeddingRepository(database).hasClip(clip.id, identity)) return;
  const { info, media } = await onStoredFile(clip, objects, (file) => embedFile(file, open, options));
  const filled = media.segments.filter(
    ({ vectors }) => vectors.audio !== undefined || vectors.video !== undefined,
  );
  if (filled.length === 0) {
    const message = 'The file is silent and black from beginning to end: there is nothing to find it by.';
    throw new EarshotError('media_empty', message, { subject: clip.fileName });
  }
  await write(clip.id, info, media, open, database);
  logger.debug({ clipId: clip.id, segments: media.segments.length, model: identity }, 'clip embedded');
}

async function embedFile(
  file: string,
  { model, pool }: OpenModel,
  { signal, onProgress = () => undefined }: EmbedClipOptions,
): Promise<{ info: MediaInfo; media: EmbeddedMedia }> {
  onProgress('probe', 0);
  const info = await probe(file, { signal });
  onProgress('decode', 0);
  const onDecoded = (fraction: number) => onProgress(fraction < 1 ? 'decode' : 'embed', fraction);
  const media = await embedMedia(file, { info, model, pool, bulk: true, signal, onDecoded });
  return { info, media };
}

/** Vectors and what the index must be told, all or nothing; the clip itself shows what the live model found. */
async function write(
  clipId: string,
  info: MediaInfo,
  { segments, decodedSec }: EmbeddedMedia,
  { model }: OpenModel,
  database: Database,
): Promise<void> {
  const { indexCollection, identity } = model;
  await database.transaction(async (session) => {
    // Holds off a change of models, which looks for what is written here. Before the clip, as a change locks them too.
    const models = await new ModelRepository(session).list({ lock: 'share' });
    const state = models.find(({ collection }) => collection === indexCollection)?.state;
    // Its vectors were dropped while these were made: nobody would find them, nor drop them again.
    if (state === undefined) return;
    if (!(await lockClip(session, clipId))) throw new EarshotError('cancelled', 'The clip was deleted.');
    const rows = segments
      .filter(({ vectors }) => vectors.audio !== undefined || vectors.video !== undefined)
      .map(({ index, startSec, endSec, vectors }) => ({ segmentIndex: index, startSec, endSec, vectors }));
    const embeddings = new EmbeddingRepository(session);
    const { pointIds, removedPointIds } = await embeddings.replaceForClip(clipId, identity, rows);
    const outbox = new OutboxRepository(session);
    if (removedPointIds.length > 0) {
      await outbox.append([{ indexCollection, operation: 'delete', clipId, pointIds: removedPointIds }]);
    }
    await outbox.append([{ indexCollection, operation: 'upsert', clipId, pointIds }]);
    if (state !== 'live') return;
    await new ClipRepository(session).setMedia(clipId, {
      durationSec: trueDurationSec(info, decodedSec),
      hasAudio: rows.some(({ vectors }) => vectors.audio !== undefined),
      hasVideo: rows.some(({ vectors }) => vectors.video !== undefined),
      segmentCount: rows.length,
    });
  });
}

/** A file that was cut off lasts as long as what could be decoded, whatever its header says. */
function trueDurationSec(info: MediaInfo, decodedSec: number): number | null {
  if (info.isStillImage) return null;
  return decodedSec < info.durationSec - CUT_OFF_SEC ? decodedSec : info.durationSec;
}
