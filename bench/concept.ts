/**
 * What a 5 s segment costs with the `concept` model: everything from samples and frames to unit vectors, beside bare
 * ONNX Runtime running the same two networks on inputs that lie ready.
 *
 * `npx tsx bench/concept.ts FOLDER`, with the folder that `earshot models pull concept` names.
 */
import os from 'node:os';
import { SeededRandom } from '#core/random';
import { ConceptModel } from '#model/concepts/concept-model';
import { LogMelFrontEnd, YAMNET_LOG_MEL } from '#model/front-ends/log-mel';
import { loadEmbeddingModel } from '#model/load-model';
import { processorSecPerCall } from './processor-time.ts';

const ROUNDS = 3;
const TARGET_MS = 150;

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Give the folder of the concept model.');
const model = await loadEmbeddingModel(folder);
if (!(model instanceof ConceptModel)) throw new Error(`${folder} is not a concept model.`);

const random = new SeededRandom(1);
const { width, height, rateHz } = model.videoInput;
const { sampleRateHz } = model.audioInput;
const { lengthSec } = model.segments;
const waveform = Float32Array.from({ length: lengthSec * sampleRateHz }, () => random.uniform(-0.5, 0.5));
const count = Math.floor(lengthSec * rateHz);
const frameBytes = width * height * 3;
const data = Uint8Array.from({ length: count * frameBytes }, () => random.uniform(0, 256));
const frontEnd = new LogMelFrontEnd(YAMNET_LOG_MEL);
const logMel = frontEnd.compute(waveform, frontEnd.frameCount(waveform.length)).data;
const { audio, video } = model.classifiers;

const ways = {
  sound: () => model.embedAudio([waveform]),
  picture: () => model.embedVideo([{ data, count }]),
  networksAlone: async () => {
    await audio.classify(logMel);
    for (let i = 0; i < count; i++)
      await video.classify(data.subarray(i * frameBytes, (i + 1) * frameBytes), width, height);
  },
};
type Way = keyof typeof ways;

const measured: Record<Way, number[]> = { sound: [], picture: [], networksAlone: [] };
for (let round = 0; round < ROUNDS; round++)
  for (const way of Object.keys(ways) as Way[])
    measured[way].push(1000 * (await processorSecPerCall(ways[way])));
model.dispose();

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const [sound, picture, alone] = [measured.sound, measured.picture, measured.networksAlone].map(median) as [
  number,
  number,
  number,
];
console.log(
  `load average ${os.loadavg()[0]?.toFixed(2)} on ${os.availableParallelism()} cores; processor time, median of ${ROUNDS}`,
);
console.log(
  `sound ${sound.toFixed(1)} ms, picture ${picture.toFixed(1)} ms (${count} frames of ${width}x${height})`,
);
console.log(`a ${lengthSec} s segment ${(sound + picture).toFixed(1)} ms (target: at most ${TARGET_MS})`);
console.log(
  `ONNX Runtime on the two networks alone ${alone.toFixed(1)} ms, ratio ${((sound + picture) / alone).toFixed(2)}`,
);
