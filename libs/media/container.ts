/** The name and MIME type of a container, from ffprobe's format name and the file's first bytes. */

const KINDS: Record<string, { container: string; video: string; audio: string }> = {
  matroska: { container: 'mkv', video: 'video/x-matroska', audio: 'audio/x-matroska' },
  avi: { container: 'avi', video: 'video/x-msvideo', audio: 'video/x-msvideo' },
  mpeg: { container: 'mpg', video: 'video/mpeg', audio: 'audio/mpeg' },
  mpegvideo: { container: 'mpg', video: 'video/mpeg', audio: 'audio/mpeg' },
  mpegts: { container: 'ts', video: 'video/mp2t', audio: 'video/mp2t' },
  flv: { container: 'flv', video: 'video/x-flv', audio: 'video/x-flv' },
  wav: { container: 'wav', video: 'audio/wav', audio: 'audio/wav' },
  w64: { container: 'w64', video: 'audio/x-w64', audio: 'audio/x-w64' },
  aiff: { container: 'aiff', video: 'audio/aiff', audio: 'audio/aiff' },
  mp3: { container: 'mp3', video: 'audio/mpeg', audio: 'audio/mpeg' },
  flac: { container: 'flac', video: 'audio/flac', audio: 'audio/flac' },
  ogg: { container: 'ogg', video: 'video/ogg', audio: 'audio/ogg' },
  aac: { container: 'aac', video: 'audio/aac', audio: 'audio/aac' },
  jpeg_pipe: { container: 'jpeg', video: 'image/jpeg', audio: 'image/jpeg' },
  png_pipe: { container: 'png', video: 'image/png', audio: 'image/png' },
  webp_pipe: { container: 'webp', video: 'image/webp', audio: 'image/webp' },
  bmp_pipe: { container: 'bmp', video: 'image/bmp', audio: 'image/bmp' },
  gif: { container: 'gif', video: 'image/gif', audio: 'image/gif' },
};

/**
 * @param formatName ffprobe's, a comma-separated list of names
 * @param majorBrand the brand of an ISO base media file, or ''
 * @param head       the file's first bytes
 */
export function containerOf(
  formatName: string,
  majorBrand: string,
  head: Buffer,
  hasVideo: boolean,
): { container: string; mimeType: string } {
  const first = formatName.split(',')[0] ?? formatName;
  if (first === 'mov') return isoContainer(majorBrand, hasVideo);
  if (first === 'matroska' && head.includes('webm', 0, 'latin1')) {
    return { container: 'webm', mimeType: hasVideo ? 'video/webm' : 'audio/webm' };
  }
  const kind = KINDS[first];
  if (kind === undefined) return { container: first, mimeType: 'application/octet-stream' };
  return { container: kind.container, mimeType: hasVideo ? kind.video : kind.audio };
}

function isoContainer(majorBrand: string, hasVideo: boolean): { container: string; mimeType: string } {
  const brand = majorBrand.trim().toLowerCase();
  if (brand === 'qt') return { container: 'mov', mimeType: hasVideo ? 'video/quicktime' : 'audio/mp4' };
  if (brand.startsWith('3g')) return { container: '3gp', mimeType: hasVideo ? 'video/3gpp' : 'audio/3gpp' };
  if (brand === 'm4a' && !hasVideo) return { container: 'm4a', mimeType: 'audio/mp4' };
  return { container: 'mp4', mimeType: hasVideo ? 'video/mp4' : 'audio/mp4' };
}
