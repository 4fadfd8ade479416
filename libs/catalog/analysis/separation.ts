/** The sound of what is pointed at, and the rest. */
import { EarshotError } from '#core/errors';
import type { FrameBox, Separation, SeparationRequest } from '../catalog-service.ts';
import { findModelFolder } from '../models.ts';
import { chosenFormat, deliver } from '../separation/delivery.ts';
import type { MediaPart } from '../separation/separate-media.ts';
import type { SeparationPool, SeparationRunOptions } from '../separation/separation-pool.ts';
import { locateLabel } from './localize.ts';
import { modalityMissing } from './modality-missing.ts';
import { type OpenedSubject, type SubjectParts, withSubject } from './subject.ts';
import type { VectorParts } from './subject-vectors.ts';

export interface SeparationParts extends SubjectParts {
  /** The model in use, which finds a label in the picture. */
  withModel(): Promise<VectorParts>;
  dataDir: string;
  separation: SeparationPool;
}

const MODEL = 'separation';
/** A quarter of an hour of sound is enough for one question. */
const MAX_LENGTH_SEC = 900;
/** Smaller regions have no picture left in them. */
const SMALLEST_SIDE = 0.01;

/**
 * @throws EarshotError as `withSubject`; `invalid_argument` for a region that is none or lies outside the picture,
 *   a label beside a region or a guide, one that nothing is known of or that nothing in the picture sounds like, and
 *   a codec that is not written; `modality_missing` naming the file for a mixture without sound and a guide without
 *   picture; `overloaded`
 */
export async function separate(
  request: SeparationRequest,
  folder: string,
  parts: SeparationParts,
  options: SeparationRunOptions = {},
): Promise<Separation> {
  checkRegion(request.region);
  checkLabel(request);
  const modelFolder = await findModelFolder(MODEL, parts.dataDir);
  const limits = { defaultLengthSec: MAX_LENGTH_SEC, maxLengthSec: MAX_LENGTH_SEC, signal: options.signal };
  const run = async (mixture: OpenedSubject, like: OpenedSubject | null) => {
    if (!mixture.info.audio) throw modalityMissing('audio', mixture.name);
    if (!(like ?? mixture).info.video) throw withoutPicture(like ?? mixture, like !== null);
    const format = chosenFormat(request.codec, mixture.info.audio.codec, mixture.name);
    const found = request.label === undefined ? null : await find(request.label, mixture, parts, options);
    const job = {
      mixture: soundingPart(mixture),
      like: like && partOf(like),
      region: found ?? request.region ?? null,
      folder,
    };
    const made = await parts.separation.separate(job, modelFolder, options);
    const { previews = false } = request;
    const delivered = await deliver(made, { format, previews, signal: options.signal });
    return found ? { ...delivered, region: found } : delivered;
  };
  const { like } = request;
  return withSubject(
    request.mixture,
    parts,
    (mixture) => (like ? withSubject(like, parts, (seen) => run(mixture, seen), limits) : run(mixture, null)),
    limits,
  );
}

/** Where in the picture is what sounds like that? */
async function find(
  label: string,
  mixture: OpenedSubject,
  parts: SeparationParts,
  { signal }: SeparationRunOptions,
): Promise<FrameBox> {
  const box = await locateLabel(label, mixture, await parts.withModel(), signal);
  if (box) return box;
  const message = `Nothing in the picture of "${mixture.name}" sounds like "${label}": point at it with a region.`;
  throw new EarshotError('invalid_argument', message, { subject: 'label' });
}

function partOf({ file, info, startSec, endSec }: OpenedSubject): MediaPart {
  return { file, info, startSec, endSec };
}

/** As long as there is sound, where the picture goes on without. */
function soundingPart(opened: OpenedSubject): MediaPart {
  const { audio } = opened.info;
  const endSec = audio ? Math.min(opened.endSec, audio.startSec + audio.durationSec) : opened.endSec;
  return { ...partOf(opened), endSec: Math.max(opened.startSec, endSec) };
}

function withoutPicture({ name }: OpenedSubject, isGuide: boolean): EarshotError {
  if (isGuide) return modalityMissing('video', name);
  const message = `"${name}" has no picture to say what to listen for: give a picture or a clip of it beside the sound.`;
  return new EarshotError('modality_missing', message, { subject: name });
}

function checkLabel({ label, region, like }: SeparationRequest): void {
  if (label === undefined || !(region || like)) return;
  const message = 'Ask by a label, or by a region or another picture: a label chooses the region itself.';
  throw new EarshotError('invalid_argument', message, { subject: 'label' });
}

function checkRegion(region: SeparationRequest['region']): void {
  if (!region) return;
  const { x, y, width, height } = region;
  const fail = (message: string) => {
    throw new EarshotError('invalid_argument', message, { subject: 'region' });
  };
  if (![x, y, width, height].every(Number.isFinite) || width < SMALLEST_SIDE || height < SMALLEST_SIDE) {
    fail(
      `The region needs x, y, width and height in 0..1 of the picture, at least ${SMALLEST_SIDE} wide and high.`,
    );
  }
  const slack = 1e-6;
  if (x < 0 || y < 0 || x + width > 1 + slack || y + height > 1 + slack) {
    fail(
      `The region ${x},${y},${width},${height} lies outside the picture, which reaches from 0 to 1 both ways.`,
    );
  }
}
