/**
 * How loud a sound seems as a whole.
 *
 * @see ITU-R BS.1770-4, "Algorithms to measure audio programme loudness and true-peak audio level"
 */
import { collectOutput } from './ffmpeg.ts';
import { fileUrl } from './input.ts';

/** Measuring is fast: this ends a process that hangs. */
const TIMEOUT_SEC = 600;
/** The absolute gate of the measurement: nothing is as quiet as this. */
const SILENCE_LUFS = -70;

/**
 * Integrated loudness of a sound, or of the sum of several of one length, brought to stereo.
 *
 * @param files of one's own, readable by ffmpeg
 * @returns LUFS; null where all of it is silence, or it is shorter than the 0.4 s that the measure needs
 * @throws EarshotError `cancelled`, `ffmpeg_missing`, `decode_timeout`
 */
export async function measureLoudness(
  files: readonly [string, ...string[]],
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<number | null> {
  const sum = files.length > 1 ? `amix=inputs=${files.length}:normalize=0,` : '';
  const measured =
    'aformat=channel_layouts=stereo,ebur128=metadata=1,ametadata=print:key=lavfi.r128.I:file=-';
  const { stdout } = await collectOutput(
    'ffmpeg',
    [
      ...files.flatMap((file) => ['-i', fileUrl(file)]),
      ...['-filter_complex', `${sum}${measured}`, '-f', 'null', '-'],
    ],
    { subject: files[0], timeoutSec: TIMEOUT_SEC, ...(signal && { signal }) },
  );
  // What stands last is of all that came before.
  const last = [...stdout.toString('latin1').matchAll(/lavfi\.r128\.I=(\S+)/g)].at(-1)?.[1];
  const loudness = last === undefined ? Number.NaN : Number(last);
  return loudness > SILENCE_LUFS ? loudness : null;
}
