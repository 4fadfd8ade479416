/** What went wrong with a file, from ffmpeg's own words: the code and a sentence that says what to do. */
import { EarshotError } from '#core/errors';

const TRUNCATED =
  /moov atom not found|error reading header|partial file|unexpected EOF|truncated|End of file/i;
const ISO_BOXES = new Set(['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot', 'moof', 'styp', 'uuid']);
const TOO_LARGE = /exceeds specified max pixel count|Picture size \d+x\d+ is invalid/i;
const NOT_MEDIA =
  /Format not on whitelist|Protocol .* not on whitelist|Invalid data found when processing input/i;

/**
 * @param file       the media file
 * @param stderrTail the last lines ffmpeg or ffprobe wrote
 * @param head       the file's first bytes
 */
export function mediaFailure(file: string, stderrTail: string, head: Buffer): EarshotError {
  const subject = { subject: file };
  const said = lastLine(stderrTail);
  if (TOO_LARGE.test(stderrTail)) {
    return new EarshotError(
      'media_too_large',
      `The picture in ${file} is larger than allowed; scale it down.`,
      subject,
    );
  }
  // ffmpeg takes any file named .mp4 for one and then misses its index, so the first bytes decide.
  const isForeign =
    /moov atom not found|error reading header/.test(stderrTail) &&
    !ISO_BOXES.has(head.toString('latin1', 4, 8));
  if (TRUNCATED.test(stderrTail) && !isForeign) {
    return new EarshotError(
      'media_truncated',
      `The file ${file} is cut off (${said}); copy or download it again in full.`,
      subject,
    );
  }
  if (isForeign || NOT_MEDIA.test(stderrTail)) {
    return new EarshotError(
      'media_unrecognised',
      `The file ${file} is no media file of a kind read here (${said}); convert it to mp4, mkv, wav or another common format.`,
      subject,
    );
  }
  return new EarshotError(
    'decode_failed',
    `The file ${file} could not be decoded (${said}); re-encode it and try again.`,
    subject,
  );
}

function lastLine(stderrTail: string): string {
  const lines = stderrTail.split('\n').filter((line) => line.trim() !== '');
  return (lines.at(-1) ?? 'ffmpeg gave no reason').replace(/^\[[^\]]*\]\s*/, '').slice(0, 300);
}
