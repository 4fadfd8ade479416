/** Results of a separation as they were asked for: in the input's own codec, and as previews of one loudness. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { encodeSound, type SoundFormat, soundFormatOf } from '#media/encode-sound';
import { measureLoudness } from '#media/loudness';
import { probe } from '#media/probe';
import type { Separation, SeparationRequest } from '../catalog-service.ts';

export interface DeliveryOptions {
  /** From `chosenFormat`; null: 24-bit WAV stays. */
  format: SoundFormat | null;
  previews: boolean;
  signal?: AbortSignal | undefined;
}

/** What is much quieter than the mixture is not what was asked for: its noise isn't brought up any further. */
const MAX_GAIN_DB = 20;
/** Of previews, in full scale: 1 dB below, as EBU R 128 asks for. */
const PREVIEW_PEAK = 0.891;
const PREVIEW = soundFormatOf('aac') as SoundFormat;

/**
 * @param codec of the mixture's sound
 * @throws EarshotError `invalid_argument` where the input's own codec is asked for and is not written here
 */
export function chosenFormat(
  asked: SeparationRequest['codec'],
  codec: string,
  name: string,
): SoundFormat | null {
  if (asked !== 'same') return null;
  const format = soundFormatOf(codec);
  if (format) return format;
  const message = `"${name}" has sound in ${codec}, which is only read here, not written: ask for WAV.`;
  throw new EarshotError('invalid_argument', message, { subject: 'codec' });
}

/**
 * Takes what `separateMedia` has written to what was asked for, in the same folder.
 *
 * @throws EarshotError what encoding and measuring say; nothing of the separation is left behind then
 */
export async function deliver(made: Separation, options: DeliveryOptions): Promise<Separation> {
  const files = new Set([made.target, made.residual, made.picture]);
  try {
    const previews = options.previews ? await writePreviews(made, files, options.signal) : undefined;
    const { format } = options;
    const [target, residual] = format
      ? await Promise.all([
          encoded(made.target, format, files, options.signal),
          encoded(made.residual, format, files, options.signal),
        ])
      : [made.target, made.residual];
    return { ...made, target, residual, ...(previews && { previews }) };
  } catch (error) {
    for (const file of files) await rm(file, { force: true });
    throw error;
  }
}

/** A file with samples beyond full scale stays as it is where the format would clip them. */
async function encoded(
  file: string,
  format: SoundFormat,
  files: Set<string>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const isBeyondFullScale = (await probe(file, { signal })).audio?.codec === 'pcm_f32le';
  if (format.isBounded && isBeyondFullScale) return file;
  const outFile = path.join(path.dirname(file), `${path.parse(file).name}.${format.extension}`);
  files.add(outFile);
  await encodeSound(file, outFile, { ...format, signal });
  if (outFile !== file) await rm(file);
  return outFile;
}

/** Both as loud as the mixture, so that ears compare what is in them rather than their levels. */
async function writePreviews(
  { target, residual }: Separation,
  files: Set<string>,
  signal: AbortSignal | undefined,
): Promise<NonNullable<Separation['previews']>> {
  const goal = await measureLoudness([target, residual], { signal });
  const preview = async (file: string) => {
    const own = await measureLoudness([file], { signal });
    const gainDb = goal === null || own === null ? 0 : Math.min(MAX_GAIN_DB, goal - own);
    const name = `${path.parse(file).name}-preview.${PREVIEW.extension}`;
    const outFile = path.join(path.dirname(file), name);
    files.add(outFile);
    const limit = `alimiter=limit=${PREVIEW_PEAK}:level=disabled`;
    const filter = `aformat=channel_layouts=stereo,volume=${gainDb.toFixed(2)}dB,${limit}`;
    await encodeSound(file, outFile, { ...PREVIEW, filter, signal });
    return outFile;
  };
  return { target: await preview(target), residual: await preview(residual) };
}
