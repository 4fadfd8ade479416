/** Which files a command means when it is given files and folders. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { EarshotError } from '#core/errors';

const MEDIA_EXTENSIONS = new Set(
  (
    'mp4 m4v mov mkv webm avi mpg mpeg m2v ts mts m2ts mxf flv wmv asf 3gp 3g2 ogv vob gif ' +
    'wav wave mp3 m4a aac flac ogg oga opus wma aif aiff caf amr ac3 mka weba'
  ).split(' '),
);

const PICTURE_EXTENSIONS = new Set('jpg jpeg png webp bmp tif tiff'.split(' '));

/**
 * Files of a path: itself, or the media files of a folder and its folders, by name, hidden ones left out; still pictures
 * only where they are asked for. Links to
 * folders are not followed, since they may lead round in circles.
 *
 * @throws EarshotError `file_not_found` when nothing is there, or no media file in the folder; `file_unreadable`
 */
export async function mediaFilesAt(
  path: string,
  options: { withPictures?: boolean } = {},
): Promise<string[]> {
  const entry = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code === 'ENOENT' || cause.code === 'ENOTDIR' ? 'file_not_found' : 'file_unreadable';
    const message =
      code === 'file_not_found' ? `There is no file or folder ${path}.` : `${path} can't be read.`;
    throw new EarshotError(code, message, { subject: path, cause });
  });
  if (!entry.isDirectory()) return [path];
  const extensions = options.withPictures
    ? new Set([...MEDIA_EXTENSIONS, ...PICTURE_EXTENSIONS])
    : MEDIA_EXTENSIONS;
  const files = await filesBelow(path, extensions);
  if (files.length === 0) {
    throw new EarshotError('file_not_found', `There are no media files in the folder ${path}.`, {
      subject: path,
    });
  }
  return files;
}

async function filesBelow(folder: string, extensions: ReadonlySet<string>): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const files: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) files.push(...(await filesBelow(path, extensions)));
    else if (extensions.has(extname(entry.name).slice(1).toLowerCase())) files.push(path);
  }
  return files;
}
