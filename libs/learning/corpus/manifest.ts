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

interface BoxAt {
  timeSec: number;
  /** In 0..1 of the frame. */
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What is true of a clip; stands in its JSON file. */
export interface GroundTruth {
  id: string;
  split: Split;
  durationSec: number;
  width: number;
  height: number;
  frameRateHz: number;
  sources: {
    soundClass: SoundClass;
    timbreId: string;
    phraseId: string;
    /** What a recorded kind was made from. */
    recording: RecordingUse | null;
    /** File name of the sound of this source alone, 16 kHz WAV. */
    stem: string;
    events: SoundEvent[];
    boxes: BoxAt[];
  }[];
  scene: unknown;
}

export interface ManifestEntry {
  id: string;
  split: Split;
  file: string;
  groundTruth: string;
  label: SoundClass;
  phraseId: string;
  timbreId: string;
  /** Of the sound's samples, the scene's plan and, for recorded kinds, the files they were made from. */
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
  for (const { id, label, phraseId, timbreId, contentSha256 } of entries) {
    hash.update(`${[id, label, phraseId, timbreId, contentSha256].join('\t')}\n`);
  }
  return hash.digest('hex');
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
