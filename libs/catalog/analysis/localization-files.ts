/** Maps as files: 16-bit PNG in the frame's own size, pictures with the heat over them, and a film of them. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { asEarshotError, EarshotError } from '#core/errors';
import { decodeSamples, decodeStreams } from '#media/decode';
import { encodeClip } from '#media/encode';
import { encodeGreyPng, encodeRgbPng } from '#media/png';
import type { VideoStreamInfo } from '#media/probe';
import { resizeMap } from '#model/localization/resize-map';
import { type Box, soundingBox } from '#model/localization/sounding-box';
import type {
  Localization,
  LocalizationMap,
  LocalizationRequest,
  LocalizedSource,
} from '../catalog-service.ts';
import type { FoundMaps } from './localize.ts';
import { drawOverlay, legendHeight, type Overlay } from './overlay/draw-overlay.ts';
import type { OpenedSubject } from './subject.ts';

export interface FoundMap {
  timeSec: number;
  /** `[side * side]` */
  map: Float32Array;
  /** Around what sounds; null where nothing reaches the threshold. */
  box: Box | null;
}

/** Longest side of overlays. */
const OVERLAY_SIDE = 960;
/** And the shortest that a picture is enlarged to, so that the scale can be read. */
const OVERLAY_LEAST = 480;
const FILM_RATE_HZ = 25;
const FILM_SOUND_HZ = 44_100;
const FILM = 'overlay.mp4';

/** @throws EarshotError `disk_full`, `file_unreadable`, and as decoding and encoding */
export async function writeLocalization(
  opened: OpenedSubject,
  found: FoundMaps,
  request: LocalizationRequest,
  signal?: AbortSignal,
): Promise<Pick<Localization, 'maps' | 'overlays' | 'film'>> {
  const { folder, overlays = 'none' } = request;
  const video = opened.info.video as VideoStreamInfo;
  await mkdir(folder, { recursive: true });
  const maps: Localization['maps'] = [];
  for (const [i, map] of found.maps.entries())
    maps.push(await writeMap(map, found.side, video, folder, `map-${numbered(i)}.png`));
  if (overlays === 'none') return { maps, overlays: [], film: null };
  return { maps, ...(await writeOverlays(opened, found, request, signal)) };
}

/**
 * The maps of each named source, `source-SOURCE-MAP.png`.
 *
 * @throws EarshotError `disk_full`
 */
export async function writeSources(
  { info }: OpenedSubject,
  { sources, maps: all, side, mapThreshold }: FoundMaps,
  folder: string,
): Promise<LocalizedSource[]> {
  const written: LocalizedSource[] = [];
  for (const [i, { label, probability, box, maps: own }] of sources.entries()) {
    const maps: LocalizationMap[] = [];
    for (const [frame, map] of own.entries()) {
      const { timeSec } = all[frame] as FoundMap;
      const found = { timeSec, map, box: soundingBox(map, side, mapThreshold) };
      const file = `source-${i}-${numbered(frame)}.png`;
      maps.push(await writeMap(found, side, info.video as VideoStreamInfo, folder, file));
    }
    written.push({ label, probability, box, maps });
  }
  return written;
}

async function writeMap(
  { timeSec, map, box }: FoundMap,
  side: number,
  { width, height }: VideoStreamInfo,
  folder: string,
  file: string,
): Promise<LocalizationMap> {
  const bytes = await encodeGreyPng(resizeMap(map, side, width, height), width, height);
  await write(path.join(folder, file), bytes);
  return { timeSec: rounded(timeSec), width, height, box, file };
}

/** The end of a part; none where the part reaches the file's end, which the decoder finds more exactly. */
export function partEnd(endSec: number, durationSec: number): { endSec?: number } {
  return endSec < durationSec ? { endSec } : {};
}

function rounded(timeSec: number): number {
  return Number(timeSec.toFixed(3));
}

function numbered(i: number): string {
  return String(i).padStart(4, '0');
}

/** The heat over the picture, in one pass over the file: some frames as pictures, all of them as a film. */
async function writeOverlays(
  opened: OpenedSubject,
  found: FoundMaps,
  { folder, overlays }: LocalizationRequest,
  signal: AbortSignal | undefined,
): Promise<Pick<Localization, 'overlays' | 'film'>> {
  const { file, info, startSec, endSec } = opened;
  const { width, height } = overlaySize(info.video as VideoStreamInfo);
  const tall = height + legendHeight(width, height);
  const written: Localization['overlays'] = [];
  const frames = overlayFrames(
    opened,
    found,
    { width, height },
    overlays === 'film',
    signal,
    async (i, rgb) => {
      const name = `overlay-${numbered(i)}.png`;
      await write(path.join(folder, name), await encodeRgbPng(rgb, width, tall));
      written.push({ timeSec: rounded((found.maps[i] as FoundMap).timeSec), file: name });
    },
  );
  if (overlays !== 'film') {
    for await (const _drawn of frames);
    return { overlays: written, film: null };
  }
  const window = { startSec, ...partEnd(endSec, info.durationSec), info, signal };
  const { data } = await decodeSamples(file, { ...window, sampleRateHz: FILM_SOUND_HZ });
  const size = { width, height: tall, rateHz: FILM_RATE_HZ };
  const sound = { samples: data, sampleRateHz: FILM_SOUND_HZ };
  await encodeClip({ ...size, ...sound, frames }, path.join(folder, FILM), { signal });
  return { overlays: written, film: FILM };
}

/** Yields every frame of the film, or draws those alone that are wanted as pictures. */
async function* overlayFrames(
  { file, info, startSec, endSec }: OpenedSubject,
  found: FoundMaps,
  size: { width: number; height: number },
  all: boolean,
  signal: AbortSignal | undefined,
  picture: (map: number, rgb: Uint8Array) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const { width, height } = size;
  const window = { startSec, ...partEnd(endSec, info.durationSec), info, signal };
  const frameAt = (timeSec: number) => Math.round((timeSec - startSec) * FILM_RATE_HZ);
  let next = 0;
  for await (const chunk of decodeStreams(file, { ...window, frames: { rateHz: FILM_RATE_HZ, ...size } })) {
    if (chunk.kind !== 'frames') continue;
    for (let i = 0; i < chunk.count; i++) {
      const index = chunk.firstIndex + i;
      const wanted = frameAt(found.maps[next]?.timeSec ?? Infinity) <= index;
      if (!wanted && !all) continue;
      const frame = chunk.data.subarray(i * width * height * 3, (i + 1) * width * height * 3);
      const rgb = drawOverlay(frame, width, height, overlayAt(found, startSec + index / FILM_RATE_HZ));
      if (wanted) await picture(next++, rgb);
      if (all) yield rgb;
    }
  }
}

/** What is drawn at a time: the map between its two neighbours, so that a film flows. */
function overlayAt(found: FoundMaps, timeSec: number): Overlay {
  const { maps, side, mapThreshold, sounding, confidence, sources } = found;
  const after = maps.findIndex((each) => each.timeSec >= timeSec);
  const next = (after < 0 ? maps.at(-1) : maps[after]) as FoundMap;
  const before = maps[Math.max(0, after < 0 ? maps.length - 1 : after - 1)] as FoundMap;
  const span = next.timeSec - before.timeSec;
  const part = span <= 0 ? 1 : Math.min(1, Math.max(0, (timeSec - before.timeSec) / span));
  const map = next.map.map((value, i) => part * value + (1 - part) * (before.map[i] as number));
  const { box } = part < 0.5 ? before : next;
  const named = sources.map((source) => ({ box: source.box, label: source.label }));
  const plain = sounding && box ? [{ box, label: '' }] : [];
  const percent = `${Math.round(100 * confidence)}%`;
  return {
    ...{ map, side, threshold: mapThreshold },
    boxes: named.length > 0 ? named : plain,
    caption: `${sounding ? 'sounding' : 'not sounding'} ${percent}`,
  };
}

/** In the picture's proportions, both sides even. */
function overlaySize({ width, height }: VideoStreamInfo): { width: number; height: number } {
  const longest = Math.max(width, height);
  const factor = Math.min(OVERLAY_SIDE, Math.max(OVERLAY_LEAST, longest)) / longest;
  const even = (value: number) => Math.max(2, 2 * Math.round((value * factor) / 2));
  return { width: even(width), height: even(height) };
}

async function write(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(file, bytes);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw asEarshotError(cause);
    const message = `There is no room to write ${file}: free some space and try again.`;
    throw new EarshotError('disk_full', message, { subject: file, cause, retryable: true });
  }
}
