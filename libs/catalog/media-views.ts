/** What a player needs of a stored clip: the file itself, a picture, the outline of the sound. */
import pLimit from 'p-limit';
import { EarshotError } from '#core/errors';
import { makeThumbnail } from '#media/thumbnail';
import { waveformPeaks } from '#media/waveform';
import type { ObjectStore } from '#store/objects/object-store';
import type { ClipRow } from '#store/repositories/clips';
import type { MediaFile } from './catalog-service.ts';
import { onStoredFile } from './own-name.ts';

/** A page full of clips asks for all its pictures at once; a few decoders at a time are enough. */
const decoders = pLimit(2);

const MAX_WIDTH = 1920;
const MAX_BUCKETS = 4096;

/** @throws EarshotError `not_found` when the stored file is gone, `storage_failed` */
export async function clipMedia(clip: ClipRow, objects: ObjectStore): Promise<MediaFile> {
  const { sizeBytes, mimeType, fileName } = clip;
  return onStoredFile(clip, objects, async (path) => ({ path, sizeBytes, mimeType, fileName }));
}

/** @throws EarshotError `invalid_argument`, `modality_missing`, and what decoding says of the file */
export async function clipThumbnail(
  clip: ClipRow,
  objects: ObjectStore,
  { width, atSec }: { width: number; atSec?: number },
): Promise<Uint8Array> {
  if (!Number.isInteger(width) || width < 1 || width > MAX_WIDTH) {
    throw new EarshotError('invalid_argument', `width must be a whole number from 1 to ${MAX_WIDTH}.`, {
      subject: 'width',
    });
  }
  if (atSec !== undefined && !(atSec >= 0 && Number.isFinite(atSec))) {
    throw new EarshotError('invalid_argument', 'atSec must be a number of seconds, 0 or more.', {
      subject: 'atSec',
    });
  }
  // A picture far taller than wide is drawn narrower, or its thumbnail would be larger than the film.
  const tallness = clip.width && clip.height ? clip.height / clip.width : 1;
  const fitted = Math.max(1, Math.min(width, Math.floor((2 * MAX_WIDTH) / tallness)));
  return onStoredFile(clip, objects, (path) => decoders(() => makeThumbnail(path, { width: fitted, atSec })));
}

/** @throws EarshotError `invalid_argument`, `modality_missing`, and what decoding says of the file */
export async function clipWaveform(
  clip: ClipRow,
  objects: ObjectStore,
  { buckets }: { buckets: number },
): Promise<{ min: number[]; max: number[]; durationSec: number }> {
  if (!Number.isInteger(buckets) || buckets < 1 || buckets > MAX_BUCKETS) {
    throw new EarshotError('invalid_argument', `buckets must be a whole number from 1 to ${MAX_BUCKETS}.`, {
      subject: 'buckets',
    });
  }
  const peaks = await onStoredFile(clip, objects, (path) => decoders(() => waveformPeaks(path, { buckets })));
  return {
    min: peaks.map(([low]) => low),
    max: peaks.map(([, high]) => high),
    durationSec: clip.durationSec ?? 0,
  };
}
