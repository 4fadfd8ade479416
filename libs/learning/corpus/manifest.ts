/**
 * A corpus folder: one `manifest.jsonl` a split, and for each clip an MP4, its ground truth and its stem. The
 * manifest's hash covers what was drawn and played, not the encoder's bytes, so that it can be fixed before
 * training and checked on another machine.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import type { RecordingUse, SoundClass, SoundEvent, Split } from './performance.ts';
import type { Venue } from './venue.ts';

interface BoxAt {
  timeSec: number;
  /** In 0..1 of the frame. */
  x: number;
  y: number;
  width: number;
  height: number;
}

/** An object in the picture. */
interface SeenObject {
  soundClass: SoundClass;
  /** The look that it is drawn in; empty where its class has one only. */
  form: string;
  /** Which of the sources it is; null where it is silent. */
  source: number | null;
  /** One a frame in which it can be seen, whatever covers it. */
  boxes: BoxAt[];
}

interface SoundSource {
  soundClass: SoundClass;
  timbreId: string;
  phraseId: string;
  form: string;
  /** 0 the smallest body of its class .. 1 the largest. */
  bodySize: number;
  /** What a recorded kind was made from. */
  recording: RecordingUse | null;
  /** File name of the sound of this source alone, 16 kHz WAV, as loud as in the mixture. */
  stem: string;
  events: SoundEvent[];
  /** Which of the objects it is; null where it is not in the picture. */
  object: number | null;
}

/** What is true of a clip; stands in its JSON file. */
export interface GroundTruth {
  id: string;
  split: Split;
  durationSec: number;
  width: number;
  height: number;
  frameRateHz: number;
  /** What sounds. */
  sources: SoundSource[];
  /** What is seen, in the order of painting. */
  objects: SeenObject[];
  /** File name of the masks. */
  masks: string;
  scene: unknown;
}

interface ManifestSource {
  soundClass: SoundClass;
  phraseId: string;
  timbreId: string;
  form: string;
}

export interface ManifestEntry {
  id: string;
  split: Split;
  file: string;
  groundTruth: string;
  /** Class, phrase and timbre of the first source. */
  label: SoundClass;
  phraseId: string;
  timbreId: string;
  /** All that sounds. */
  sources: ManifestSource[];
  /** Kinds and looks of all that is seen. */
  objects: { soundClass: SoundClass; form: string }[];
  venue: Venue;
  /** Of the samples of every source, the files that recorded ones were made from, and the scene's plan. */
  contentSha256: string;
}

export function manifestFile(folder: string, split: Split): string {
  return path.join(folder, `${split}.jsonl`);
}

export function formatManifest(entries: readonly ManifestEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

/** Hash of everything that the split's clips are made of. */
export function manifestHash(entries: readonly ManifestEntry[]): string {
  const hash = createHash('sha256');
  for (const { id, sources, objects, venue, contentSha256 } of entries) {
    hash.update(`${[id, JSON.stringify([sources, objects]), venue, contentSha256].join('\t')}\n`);
  }
  return hash.digest('hex');
}

/** A clip's ground truth. */
export async function readGroundTruth(corpus: string, entry: ManifestEntry): Promise<GroundTruth> {
  return JSON.parse(await readFile(path.join(corpus, entry.groundTruth), 'utf8')) as GroundTruth;
}

/** @throws EarshotError `file_not_found` where the corpus has not been made */
export async function readManifest(folder: string, split: Split): Promise<ManifestEntry[]> {
  const file = manifestFile(folder, split);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new EarshotError(
      'file_not_found',
      `There is no corpus in ${folder}: make one with \`earshot corpus\`.`,
      {
        subject: file,
        cause: error,
      },
    );
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ManifestEntry);
}
