/** What is asked about on demand: a clip of the catalog, or a file of the user's; of either, all or a part. */
import { EarshotError } from '#core/errors';
import { type MediaInfo, probe } from '#media/probe';
import type { Database } from '#store/database';
import type { ObjectStore } from '#store/objects/object-store';
import { ClipRepository, type ClipRow } from '#store/repositories/clips';
import type { AnalysisSubject } from '../catalog-service.ts';
import { onStoredFile } from '../own-name.ts';

export interface OpenedSubject {
  /** Where it can be read. */
  file: string;
  /** What its owner calls it. */
  name: string;
  info: MediaInfo;
  /** The part that is asked about; of a still picture, nothing of its own length: both are 0. */
  startSec: number;
  endSec: number;
  /** Null for a file that is none of the catalog's. */
  clip: ClipRow | null;
}

/** Without a part of their own, long files are asked about by their beginning. */
const DEFAULT_LENGTH_SEC = 60;
/** Longer parts are refused: an answer would keep the asker waiting for minutes. */
const MAX_LENGTH_SEC = 600;

export interface SubjectParts {
  database: Database;
  objects: ObjectStore;
}

export interface SubjectLimits {
  /** How much is looked at where no part is asked for; default the first 60 s. */
  defaultLengthSec?: number;
  /** Default 600. */
  maxLengthSec?: number;
}

/**
 * Runs `work` on the file behind a subject. A failure that names the place of a stored file names the clip instead.
 *
 * @throws EarshotError `unknown_clip`, `invalid_argument` for a part that the file does not have, and what `probe` says
 *   of the file
 */
export async function withSubject<T>(
  subject: AnalysisSubject,
  { database, objects }: SubjectParts,
  work: (opened: OpenedSubject) => Promise<T>,
  options: SubjectLimits & { signal?: AbortSignal } = {},
): Promise<T> {
  if ('file' in subject) return work(await open(subject.file, subject.file, null, subject, options));
  const clip = await new ClipRepository(database).get(subject.clipId);
  if (clip === null) {
    throw new EarshotError('unknown_clip', `There is no clip ${subject.clipId}.`, { subject: 'clipId' });
  }
  return onStoredFile(clip, objects, async (file) =>
    work(await open(file, clip.fileName, clip, subject, options)),
  );
}

async function open(
  file: string,
  name: string,
  clip: ClipRow | null,
  part: { startSec?: number; endSec?: number },
  options: SubjectLimits & { signal?: AbortSignal },
): Promise<OpenedSubject> {
  const info = await probe(file, { signal: options.signal });
  const { defaultLengthSec = DEFAULT_LENGTH_SEC, maxLengthSec = MAX_LENGTH_SEC } = options;
  if (info.isStillImage) return { file, name, info, startSec: 0, endSec: 0, clip };
  const startSec = part.startSec ?? 0;
  const endSec = Math.min(part.endSec ?? startSec + defaultLengthSec, info.durationSec);
  if (part.endSec !== undefined && part.endSec <= startSec) {
    const message = `endSec (${part.endSec}) must lie after startSec (${startSec}).`;
    throw new EarshotError('invalid_argument', message, { subject: 'endSec' });
  }
  if (startSec >= info.durationSec) {
    const message = `startSec is ${startSec}, but "${name}" ends at ${info.durationSec.toFixed(3)} s.`;
    throw new EarshotError('invalid_argument', message, { subject: 'startSec' });
  }
  if (endSec - startSec > maxLengthSec) {
    const message = `At most ${maxLengthSec} s can be asked about at once; this part has ${(endSec - startSec).toFixed(1)} s.`;
    throw new EarshotError('invalid_argument', message, { subject: 'endSec' });
  }
  return { file, name, info, startSec, endSec, clip };
}
