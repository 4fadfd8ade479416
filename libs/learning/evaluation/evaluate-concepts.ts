/** `earshot evaluate --suite concepts`: real clips and sounds through the `concept` model. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { decodeFrames, decodeSamples } from '#media/decode';
import { type MediaInfo, probe } from '#media/probe';
import { readCheckedFile, readManifest } from '#model/checkpoint/checkpoint';
import { isConcept } from '#model/checkpoint/manifest';
import {
  AUDIO_CLASS_COUNT,
  IMAGE_CLASS_COUNT,
  parseClassMap,
  parseLabelList,
} from '#model/concepts/class-names';
import { ConceptModel } from '#model/concepts/concept-model';
import { classProbabilities, meanOfPatches } from '#model/concepts/scores';
import { conceptTable } from '#model/concepts/table';
import { ConceptWords } from '#model/concepts/text';
import type { FrameBlock } from '#model/embedding-model';
import {
  type ConceptClip,
  type Score,
  scoreConcepts,
  strongest,
  top1Score,
  unitVector,
} from './concepts-suite.ts';
import type { LabelledFile } from './evaluate-model.ts';
import { BRIDGE_CONCEPTS, type BridgeClip, naiveBridge } from './naive-bridge.ts';

export interface ConceptEvaluationRequest {
  modelFolder: string;
  /** Clips with sound and picture; labels are read as text queries are. */
  clips: readonly LabelledFile[];
  /** A folder of ESC-10; null leaves it out. */
  esc10: string | null;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export interface ConceptEvaluation {
  suite: 'concepts';
  model: { id: string; version: string; dimension: number };
  n: number;
  results: Record<string, Score>;
  skipped: { file: string; reason: string }[];
}

/** ESC-10's folders, by what follows the number, in the table's names. */
const ESC10_CONCEPTS = new Map([
  ['Dog bark', 'dog'],
  ['Rain', 'rain'],
  ['Sea waves', 'ocean waves'],
  ['Baby cry', 'baby'],
  ['Clock tick', 'clock'],
  ['Person sneeze', 'sneeze'],
  ['Helicopter', 'helicopter'],
  ['Chainsaw', 'chainsaw'],
  ['Rooster', 'rooster'],
  ['Fire crackling', 'fire'],
]);

const MAX_CLIP_SEC = 60;
const NAIVE_FRAMES = 6;
const NAIVE_SIZE = 224;

interface MeasuredClip {
  labels: string[];
  /** Calibrated concept scores, `[concepts]`. */
  axes: { audio: Float64Array; video: Float64Array };
  vectors: { audio: Float32Array; video: Float32Array };
  naive: BridgeClip;
}

/**
 * @throws EarshotError `invalid_argument` when the folder holds another kind of model, `not_enough_data` with fewer
 *   than two usable clips
 */
export async function evaluateConcepts(request: ConceptEvaluationRequest): Promise<ConceptEvaluation> {
  const { model, names } = await openConceptModel(request.modelFolder);
  try {
    const { measured, skipped } = await measureAll(request, model);
    if (measured.length < 2) {
      throw new EarshotError(
        'not_enough_data',
        'At least two labelled clips with sound and picture are needed.',
      );
    }
    const results = {
      ...scoreConcepts(fullVocabulary(measured, model), model.concepts.length),
      ...scoreConcepts(restricted(measured, model), BRIDGE_CONCEPTS.length, 'restricted20.'),
      ...scoreConcepts(naive(measured, names), BRIDGE_CONCEPTS.length, 'naive20.'),
      ...(request.esc10 === null ? {} : await scoreEsc10(request.esc10, model, request.signal)),
    };
    return { suite: 'concepts', model: model.identity, n: measured.length, results, skipped };
  } finally {
    model.dispose();
  }
}

async function openConceptModel(folder: string) {
  const manifest = await readManifest(folder);
  if (!isConcept(manifest)) {
    const message = `The suite measures the concept model, and ${folder} holds another kind: name it with --model concept.`;
    throw new EarshotError('invalid_argument', message, { subject: 'model' });
  }
  const { audioClasses, videoClasses } = manifest.towers;
  const decoder = new TextDecoder();
  const names = {
    audio: parseClassMap(decoder.decode(await readCheckedFile(folder, audioClasses))),
    video: parseLabelList(decoder.decode(await readCheckedFile(folder, videoClasses))),
  };
  return { model: await ConceptModel.load(folder, manifest), names };
}

async function measureAll({ clips, signal, onProgress }: ConceptEvaluationRequest, model: ConceptModel) {
  const words = new ConceptWords(conceptTable().table);
  const measured: MeasuredClip[] = [];
  const skipped: ConceptEvaluation['skipped'] = [];
  for (const [index, { file, labels }] of clips.entries()) {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
    const info = await probe(file, { signal });
    const concepts = labels.flatMap((label) => words.read(label).concepts.map(({ name }) => name));
    if (!info.audio || !info.video) skipped.push({ file, reason: info.audio ? 'no picture' : 'no sound' });
    else if (concepts.length === 0) skipped.push({ file, reason: 'no label' });
    else measured.push({ labels: concepts, ...(await measure(file, info, model, signal)) });
    onProgress?.(index + 1, clips.length);
  }
  return { measured, skipped };
}

/** A clip's segments as ingest cuts them, their mean scores and the direction of their mean vector. */
async function measure(file: string, info: MediaInfo, model: ConceptModel, signal?: AbortSignal) {
  const endSec = Math.min(info.durationSec, MAX_CLIP_SEC);
  const window = { info, startSec: 0, endSec, signal };
  const { sampleRateHz } = model.audioInput;
  const { rateHz } = model.videoInput;
  const sound = (await decodeSamples(file, { ...window, sampleRateHz })).data;
  const { data, width, height } = await decodeFrames(file, { ...window, ...model.videoInput });
  const size = width * height * 3;
  const waveforms: Float32Array[] = [];
  const blocks: FrameBlock[] = [];
  const { lengthSec, hopSec } = model.segments;
  for (let startSec = 0; startSec === 0 || startSec + lengthSec <= endSec; startSec += hopSec) {
    const at = (rate: number, sec: number) => Math.round(sec * rate);
    waveforms.push(sound.subarray(at(sampleRateHz, startSec), at(sampleRateHz, startSec + lengthSec)));
    const frames = data.subarray(at(rateHz, startSec) * size, at(rateHz, startSec + lengthSec) * size);
    blocks.push({ data: frames, count: frames.length / size });
  }
  const heard = await Promise.all(waveforms.map((waveform) => model.hear(waveform)));
  const video = await Promise.all(blocks.map((block) => model.videoConcepts(block)));
  return {
    axes: {
      audio: model.heardAxes({
        scores: meanOf(heard.map(({ scores }) => scores)),
        embedding: meanOf(heard.map(({ embedding }) => embedding)),
      }),
      video: model.seenAxes(meanOf(video)),
    },
    vectors: {
      audio: unitVector(meanOf(heard.map((sound) => model.vectorOf(model.heardAxes(sound))))),
      video: unitVector(meanOf(video.map((scores) => model.vectorOf(model.seenAxes(scores))))),
    },
    naive: await measureNaive(file, info, sound, model, signal),
  };
}

/** Mean class scores: of all patches, and of six frames seen through their centre. */
async function measureNaive(
  file: string,
  info: MediaInfo,
  sound: Float32Array,
  model: ConceptModel,
  signal?: AbortSignal,
): Promise<BridgeClip> {
  const endSec = Math.min(info.durationSec, MAX_CLIP_SEC);
  const grid = {
    rateHz: NAIVE_FRAMES / endSec,
    width: NAIVE_SIZE,
    height: NAIVE_SIZE,
    fit: 'cover' as const,
  };
  const { data, count } = await decodeFrames(file, { info, startSec: 0, endSec, signal, ...grid });
  const size = NAIVE_SIZE * NAIVE_SIZE * 3;
  const frames: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const rgb = data.subarray(i * size, (i + 1) * size);
    const logits = await model.classifiers.video.classify(rgb, NAIVE_SIZE, NAIVE_SIZE);
    frames.push(classProbabilities(logits.subarray(0, IMAGE_CLASS_COUNT)));
  }
  const { scores } = await model.classifiers.audio.hear(sound);
  return { audio: meanOfPatches(scores, AUDIO_CLASS_COUNT), video: meanOf(frames) };
}

function fullVocabulary(clips: readonly MeasuredClip[], model: ConceptModel): ConceptClip[] {
  return clips.map(({ labels, axes, vectors }) => ({
    labels: labels.map((label) => model.concepts.indexOf(label)),
    axes,
    vectors,
  }));
}

/** The calibrated axes of the baseline's concepts alone, without the projection. */
function restricted(clips: readonly MeasuredClip[], model: ConceptModel): ConceptClip[] {
  const kept = BRIDGE_CONCEPTS.map((name) => model.concepts.indexOf(name));
  const only = (axes: Float64Array) => kept.map((index) => axes[index] as number);
  return clips.map(({ labels, axes }) => bridgeClip(labels, only(axes.audio), only(axes.video)));
}

function naive(
  clips: readonly MeasuredClip[],
  names: { audio: readonly string[]; video: readonly string[] },
): ConceptClip[] {
  const vectors = naiveBridge(
    clips.map((clip) => clip.naive),
    names,
  );
  return clips.map(({ labels }, i) => {
    const { audio, video } = vectors[i] as BridgeClip;
    return bridgeClip(labels, audio, video);
  });
}

function bridgeClip(
  labels: readonly string[],
  audio: ArrayLike<number>,
  video: ArrayLike<number>,
): ConceptClip {
  return {
    labels: labels.map((label) => BRIDGE_CONCEPTS.indexOf(label)),
    axes: { audio, video },
    vectors: { audio: unitVector(audio), video: unitVector(video) },
  };
}

/** Which concept is heard first, out of the whole vocabulary and out of the ten that the folder has. */
async function scoreEsc10(
  folder: string,
  model: ConceptModel,
  signal?: AbortSignal,
): Promise<Record<string, Score>> {
  const ten = [...ESC10_CONCEPTS.values()].map((name) => model.concepts.indexOf(name));
  const full: boolean[] = [];
  const amongTen: boolean[] = [];
  for (const { file, concept } of await esc10Files(folder)) {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
    const { sampleRateHz } = model.audioInput;
    const { data } = await decodeSamples(file, { sampleRateHz, signal });
    const axes = model.heardAxes(await model.hear(data));
    full.push(model.concepts[strongest(axes)] === concept);
    amongTen.push(
      model.concepts[ten[strongest(ten.map((index) => axes[index] as number))] ?? -1] === concept,
    );
  }
  const chance = (size: number) => full.map(() => 1 / size);
  return {
    'esc10.audio.top1': top1Score(full, chance(model.concepts.length)),
    'esc10.audio.top1Of10': top1Score(amongTen, chance(ten.length)),
  };
}

async function esc10Files(folder: string): Promise<{ file: string; concept: string }[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const files = await Promise.all(
    entries.map(async ({ name }) => {
      const concept = ESC10_CONCEPTS.get(name.replace(/^\d+ - /, ''));
      if (concept === undefined) return [];
      const sounds = (await readdir(path.join(folder, name))).filter((file) => file.endsWith('.ogg'));
      return sounds.sort().map((file) => ({ file: path.join(folder, name, file), concept }));
    }),
  );
  return files.flat();
}

function meanOf(rows: readonly ArrayLike<number>[]): Float64Array {
  const sum = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (row[i] as number) / rows.length;
  return sum;
}
