/**
 * The recordings and pictures of a corpus, read from the Debian packages or an unpacked tree of them. Sounds are
 * decoded once for the whole corpus, pictures once in each rendering thread.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { decodeSamples } from '#media/decode';
import { PERFORMANCE_RATE_HZ, type RecordedClass, type SoundClass } from '../performance.ts';
import { findParts, type Part } from '../sound/active-parts.ts';
import {
  isOpen,
  isRecorded,
  type MediaSource,
  RECORDED_MEMBERS,
  type RecordedMember,
  type SourcePackage,
} from './catalogue.ts';
import { readQtResource } from './qt-resource.ts';
import { cutOut, type Sprite } from './sprite.ts';

/** Debian installs below the root. */
export const INSTALLED_MEDIA = '/';

export interface Recording {
  member: RecordedMember;
  /** Mono at PERFORMANCE_RATE_HZ, peak 1. */
  samples: Float32Array;
  /** The parts in which something sounds, in order; never empty. */
  parts: readonly Part[];
  soundSha256: string;
  pictureSha256: string;
}

/** By class, in the order of the catalogue. */
export type RecordingLibrary = ReadonlyMap<SoundClass, readonly Recording[]>;

interface LibraryOptions {
  /** Root of an installed or unpacked tree: the folder that holds `usr`. */
  mediaSources: string;
  /** With members under a GPL. */
  gplSources: boolean;
  /** Folder for temporary files, made if missing. */
  workDir: string;
  signal?: AbortSignal;
}

/**
 * Reads and decodes all recordings of the classes that are recorded ones.
 *
 * @throws EarshotError `invalid_argument` where a package is missing or a class has no member under the licences
 *   asked for, as `decodeSamples` on sound that cannot be decoded
 */
export async function loadRecordings(
  classes: readonly SoundClass[],
  options: LibraryOptions,
): Promise<RecordingLibrary> {
  const library = new Map<SoundClass, Recording[]>();
  for (const soundClass of classes.filter(isRecorded)) {
    const recordings: Recording[] = [];
    for (const member of membersOf(soundClass, options.gplSources)) {
      recordings.push(await loadRecording(member, options));
    }
    library.set(soundClass, recordings);
  }
  return library;
}

function membersOf(soundClass: RecordedClass, gplSources: boolean): RecordedMember[] {
  const all = RECORDED_MEMBERS.filter((member) => member.soundClass === soundClass);
  const usable = all.filter((member) => gplSources || isOpen(member));
  if (usable.length === 0) {
    const message = `Everything of the class ${soundClass} is under a GPL: ask for such sources, or leave it out.`;
    throw new EarshotError('invalid_argument', message, { subject: soundClass });
  }
  return usable;
}

async function loadRecording(member: RecordedMember, options: LibraryOptions): Promise<Recording> {
  const sound = await readSource(member.sound, options.mediaSources);
  const picture = await readSource(member.picture, options.mediaSources);
  const samples = await decode(sound, member.sound, options);
  return {
    member,
    samples,
    parts: findParts(samples),
    soundSha256: sha256(sound),
    pictureSha256: sha256(picture),
  };
}

async function decode(
  bytes: Buffer,
  source: MediaSource,
  { workDir, signal }: LibraryOptions,
): Promise<Float32Array> {
  await mkdir(workDir, { recursive: true });
  const folder = await mkdtemp(path.join(workDir, 'recording-'));
  try {
    const file = path.join(folder, path.basename(source.entry ?? source.file));
    await writeFile(file, bytes);
    const { data } = await decodeSamples(file, { sampleRateHz: PERFORMANCE_RATE_HZ, signal });
    const peak = data.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    if (peak === 0) {
      throw new EarshotError('media_empty', `${source.file} is silent.`, { subject: source.file });
    }
    return data.map((value) => value / peak);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The cut-out picture of a member. @throws EarshotError as `loadRecordings`, `media_unrecognised` */
export async function loadSprite(memberId: string, mediaSources: string): Promise<Sprite> {
  const member = RECORDED_MEMBERS.find(({ id }) => id === memberId);
  if (!member) throw new EarshotError('internal', `The catalogue has no member ${memberId}.`);
  const { file, entry, crop } = member.picture;
  return cutOut(await readSource(member.picture, mediaSources), entry ?? file, crop);
}

async function readSource(source: MediaSource, root: string): Promise<Buffer> {
  const file = path.join(root, source.file);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw missingPackage(source.package, file, cause);
  });
  return source.entry === undefined ? bytes : readQtResource(file, bytes, source.entry);
}

function missingPackage(name: SourcePackage, file: string, cause: unknown): EarshotError {
  const message =
    `${file} cannot be read: install the Debian packages of recordings and pictures ` +
    '(apt-get install tuxpaint-stamps-default gcompris-qt-data), name the folder of an unpacked ' +
    'package tree (--media-sources), or leave these classes out (--without-recordings).';
  return new EarshotError('invalid_argument', message, { subject: name, cause });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
