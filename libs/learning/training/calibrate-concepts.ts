/**
 * Measures what each concept scores on ordinary material, for the `concept` model's `calibration.json`. Ordinary means
 * many kinds of sound and picture in equal shares; none of it may be used to measure the model afterwards.
 */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { decodeFrames, decodeSamples } from '#media/decode';
import { probe } from '#media/probe';
import type { CalibrationFile } from '#model/concepts/calibration';
import type { ConceptModel } from '#model/concepts/concept-model';
import { conceptTable } from '#model/concepts/table';
import { filesBelow } from '../files-below.ts';

/** Square root: cosine of such vectors is the Bhattacharyya affinity of the scores. */
const EXPONENT = 0.5;

/**
 * Of the sounds, the part that scores a concept highest and is left out of its mean: a collection of ten kinds is made
 * by a tenth of each, and where a dog barks, "dog" is not ordinary. Pictures are of a thousand kinds and need it not.
 */
const OUTSTANDING_SOUNDS = 0.2;

/**
 * What no small collection shows: of AudioSet's 2 084 320 clips, 1 010 480 are labelled Speech and 1 006 882 Music.
 *
 * @see Gemmeke et al. 2017, "Audio Set", and the counts on its page
 */
const UBIQUITOUS = new Map([
  ['Speech', 1_010_480 / 2_084_320],
  ['Music', 1_006_882 / 2_084_320],
]);
/** What YAMNet typically scores them where they are. */
const UBIQUITOUS_SCORE = 0.8;

export interface CalibrationRequest {
  model: ConceptModel;
  /** Folder of sounds, searched with its subfolders. */
  sounds: string;
  /** Folder of pictures. */
  pictures: string;
  onProgress?(done: number, total: number): void;
}

/** @throws EarshotError `not_enough_data` when a folder is empty */
export async function calibrateConcepts(request: CalibrationRequest): Promise<CalibrationFile> {
  const { model } = request;
  const sounds = await filesIn(request.sounds, /\.(ogg|wav|flac|mp3)$/i);
  const pictures = await filesIn(request.pictures, /\.(jpe?g|png)$/i);
  const total = sounds.length + pictures.length;
  let done = 0;
  const powered = async (files: readonly string[], score: (file: string) => Promise<Float64Array>) => {
    const rows: Float64Array[] = [];
    for (const file of files) {
      rows.push((await score(file)).map((value) => value ** EXPONENT));
      done += 1;
      request.onProgress?.(done, total);
    }
    return rows;
  };
  const heard = ordinary(
    await powered(sounds, async (file) => (await model.hear(await samplesOf(file, model))).scores),
    OUTSTANDING_SOUNDS,
  );
  const seen = ordinary(
    await powered(pictures, async (file) => model.videoConcepts(await frameOf(file, model))),
    0,
  );
  return {
    format: 'earshot-concept-calibration/1',
    audio: { exponent: EXPONENT, centre: byName(model, heard.map(withUbiquity)) },
    video: { exponent: EXPONENT, centre: byName(model, seen) },
  };
}

/**
 * For each concept, the mean over the clips without those that score it highest.
 *
 * @param rows        `[clips][concepts]`
 * @param outstanding part of the clips that is left out
 */
export function ordinary(rows: readonly Float64Array[], outstanding: number): Float64Array {
  const kept = Math.max(1, rows.length - Math.round(rows.length * outstanding));
  return Float64Array.from(rows[0] ?? [], (_, concept) => {
    const scores = rows.map((row) => row[concept] as number).sort((a, b) => a - b);
    return scores.slice(0, kept).reduce((sum, score) => sum + score, 0) / kept;
  });
}

/** At least what a label that half of all recordings carry leads to. */
function withUbiquity(measured: number, concept: number): number {
  const sounds = conceptTable().table.concepts[concept]?.sounds ?? {};
  let centre = measured;
  for (const [label, share] of UBIQUITOUS) {
    const weight = sounds[label] ?? 0;
    centre = Math.max(centre, share * (weight * UBIQUITOUS_SCORE) ** EXPONENT);
  }
  return centre;
}

function byName(model: ConceptModel, centre: Float64Array): Record<string, number> {
  return Object.fromEntries(
    model.concepts.map((name, i) => [name, Number((centre[i] as number).toFixed(4))]),
  );
}

async function samplesOf(file: string, model: ConceptModel): Promise<Float32Array> {
  const { durationSec } = await probe(file);
  const { sampleRateHz } = model.audioInput;
  return (await decodeSamples(file, { startSec: 0, endSec: durationSec, sampleRateHz })).data;
}

async function frameOf(file: string, model: ConceptModel) {
  const window = { startSec: 0, endSec: 1 / model.videoInput.rateHz };
  const { data, count } = await decodeFrames(file, { ...window, ...model.videoInput });
  return { data, count };
}

async function filesIn(folder: string, name: RegExp): Promise<string[]> {
  const files = await filesBelow(folder, name);
  if (files.length === 0) {
    throw new EarshotError('not_enough_data', `There is nothing to calibrate with in ${folder}.`, {
      subject: folder,
    });
  }
  return files.map((entry) => path.join(folder, entry));
}
