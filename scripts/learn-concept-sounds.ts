/**
 * Writes `libs/model/concepts/learned-sounds.safetensors` anew; needed after changes to the concept table, to the
 * calibration or to the rules in `libs/learning/training/labelled-sounds.json`.
 *
 *     node --import tsx scripts/learn-concept-sounds.ts MODEL_FOLDER PACKAGES CORPUS [--write]
 *
 * PACKAGES holds one folder for each package that the rules name, with what is in it, archives unpacked (docs/training.md says
 * how); CORPUS is a generated corpus with its split `train`. Prints, for each source, how many of its sounds have one of their concepts
 * as the strongest of all: by the classes' scores alone, with weights learned from all the other sources, and with weights learned
 * from them with the answers of the sounds exchanged, the control that must gain nothing.
 */
import { writeFile } from 'node:fs/promises';
import { SeededRandom } from '#core/random';
import { strongest } from '#learning/evaluation/concepts-suite';
import { labelledSounds } from '#learning/training/labelled-sounds';
import { learnConceptSounds, type SoundExample } from '#learning/training/learn-concept-sounds';
import { decodeSamples } from '#media/decode';
import { probe } from '#media/probe';
import { encodeSafetensors } from '#model/checkpoint/safetensors';
import { correctedAxes, SOUND_EMBEDDING_SIZE, soundCorrection } from '#model/concepts/learned-sounds';
import { loadEngine } from '#model/engine/engine';
import { openConceptModel } from './open-concept-model.ts';

/** A rule's sounds count together as at most so many: what one package has a hundred of is heard no oftener elsewhere. */
const SOUNDS_A_RULE = 6;
/** Instruments played by one soundfont are all alike in what recordings differ in. */
const CORPUS_WEIGHT = 0.3;

/** Of a long recording its beginning is heard. */
const LONGEST_SEC = 10;

interface Heard extends SoundExample {
  source: string;
}

const [folder, packages, corpus, write] = process.argv.slice(2);
if (folder === undefined || packages === undefined || corpus === undefined) {
  process.stderr.write('Give the folders of the model, of the unpacked packages and of a corpus.\n');
  process.exit(2);
}
const model = await openConceptModel(folder);
const engine = await loadEngine();
const sounds = await labelledSounds(packages, corpus);
const ofKind = new Map<string, number>();
for (const { kind } of sounds) ofKind.set(kind, (ofKind.get(kind) ?? 0) + 1);

const heard: Heard[] = [];
for (const [index, { file, source, kind, concepts }] of sounds.entries()) {
  const waveform = await beginningOf(file);
  if (waveform === null) continue;
  const { scores, embedding } = await model.hear(waveform);
  const right = concepts.map((name) => model.concepts.indexOf(name));
  const few = Math.min(1, SOUNDS_A_RULE / (ofKind.get(kind) ?? 1));
  const weight = source === 'corpus' ? CORPUS_WEIGHT : few;
  heard.push({ source, axes: model.scoreAxes(scores), embedding, right, weight });
  if (index % 100 === 0) process.stderr.write(`${index} of ${sounds.length}\n`);
}

/** Null for a file that holds no sound; packages have some that are cut off or only links to what is not installed. */
async function beginningOf(file: string): Promise<Float32Array | null> {
  try {
    const info = await probe(file);
    const endSec = Math.min(info.durationSec, LONGEST_SEC);
    const { sampleRateHz } = model.audioInput;
    return (await decodeSamples(file, { info, startSec: 0, endSec, sampleRateHz })).data;
  } catch (error) {
    process.stderr.write(`left out: ${file}: ${(error as Error).message}\n`);
    return null;
  }
}

/** Every sound with the answers of another, drawn by lot. */
function exchanged(examples: readonly Heard[]): Heard[] {
  const answers = new SeededRandom('1:answers').shuffle(examples.map(({ right }) => right));
  return examples.map((example, i) => ({ ...example, right: answers[i] ?? [] }));
}

const sources = [...new Set(heard.map(({ source }) => source))].filter((source) => source !== 'corpus');
const sums = { N: 0, scores: 0, learned: 0, exchanged: 0 };
process.stdout.write('source | N | scores alone | learned | answers exchanged\n');
for (const source of sources) {
  const others = heard.filter((example) => example.source !== source);
  const asked = heard.filter((example) => example.source === source);
  const truly = learnConceptSounds(engine, model.concepts, others);
  const falsely = learnConceptSounds(engine, model.concepts, exchanged(others));
  const total = asked.reduce((sum, { weight }) => sum + weight, 0);
  const share = (axesOf: (example: Heard) => ArrayLike<number>) =>
    asked.reduce(
      (sum, example) => sum + (example.right.includes(strongest(axesOf(example))) ? example.weight : 0),
      0,
    );
  const corrected = (weights: typeof truly) => (example: Heard) =>
    correctedAxes(example.axes, soundCorrection(weights, example.embedding));
  const counts = [share(({ axes }) => axes), share(corrected(truly)), share(corrected(falsely))] as const;
  sums.N += total;
  sums.scores += counts[0];
  sums.learned += counts[1];
  sums.exchanged += counts[2];
  const shown = counts.map((count) => (count / total).toFixed(3)).join(' | ');
  process.stdout.write(`${source} | ${asked.length} | ${shown}\n`);
}
const all = [sums.scores, sums.learned, sums.exchanged].map((count) => (count / sums.N).toFixed(3));
process.stdout.write(
  `all | ${heard.filter(({ source }) => source !== 'corpus').length} | ${all.join(' | ')}\n`,
);

if (write === '--write') {
  const learned = learnConceptSounds(engine, model.concepts, heard);
  const rank = learned.weights.length / learned.concepts.length;
  const file = new URL('../libs/model/concepts/learned-sounds.safetensors', import.meta.url);
  const arrays = [
    { name: 'mean', shape: [SOUND_EMBEDDING_SIZE], data: learned.mean },
    { name: 'directions', shape: [SOUND_EMBEDDING_SIZE, rank], data: learned.directions },
    { name: 'weights', shape: [rank, learned.concepts.length], data: learned.weights },
  ];
  await writeFile(file, encodeSafetensors(arrays, { concepts: JSON.stringify(learned.concepts) }));
}
model.dispose();
