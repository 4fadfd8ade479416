/**
 * Learns the fusions of libs/learning/fusion on a model's frozen towers and measures them beside what classification
 * serves, on validation clips as they are, with their sound under noise, and with their picture dark.
 *
 *     node --import tsx scripts/compare-fusion.ts MODEL_FOLDER CORPUS [TRAINING_CLIPS]
 */
import { SeededRandom } from '#core/random';
import { decodeBeginning } from '#learning/decode-beginning';
import { corpusClips, type LabelledFile } from '#learning/evaluation/evaluate-model';
import { compareFusions, type FusionWay } from '#learning/fusion/compare-fusions';
import { attentionNetwork, weightedNetwork } from '#learning/fusion/fusion-networks';
import { learnFusion, type SceneFeatures } from '#learning/fusion/learn-fusion';
import type { LabelledScene } from '#model/calibration/few-shot';
import { readTwoTowerManifest } from '#model/checkpoint/checkpoint';
import type { EmbeddingModel } from '#model/embedding-model';
import { loadEngine } from '#model/engine/engine';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';
import { DEFAULT_SCALE, uncalibrated } from '#model/network/scene';

type Damage = 'none' | 'noise' | 'dark';
const LEARNING = { steps: 400, batchSize: 64, peakLearningRate: 0.003, seed: 1 };
const EXAMPLES_PER_LABEL = [1, 3];

const [folder, corpus, trainingClips = '720'] = process.argv.slice(2);
if (folder === undefined || corpus === undefined) {
  process.stderr.write('Give the folders of the model and of the corpus.\n');
  process.exit(2);
}
const model = await loadEmbeddingModel(folder);
const { calibration } = await readModelInfo(folder);
// Half of the training scenes have lost a stream, or a fusion would never learn when to trust which.
const lot = new SeededRandom('damage');
const train = await featuresOf(await corpusClips(corpus, 'train', Number(trainingClips)), () =>
  lot.pick(['none', 'none', 'noise', 'dark']),
);
const validationClips = await corpusClips(corpus, 'validation');
const clear = await featuresOf(validationClips, () => 'none');
const noisy = await featuresOf(validationClips, () => 'noise');
const dark = await featuresOf(validationClips, () => 'dark');
model.dispose();

const engine = await loadEngine();
const { dimension } = model.identity;
const { tokenWidth } = (await readTwoTowerManifest(folder)).towers.audio;
const learned = (['weighted', 'attention'] as const).map((name) => {
  const make = name === 'weighted' ? weightedNetwork : attentionNetwork;
  const fusion = learnFusion(engine, make, train, { ...LEARNING, dimension, tokenWidth });
  process.stderr.write(`${name}: loss ${fusion.loss.toFixed(3)}\n`);
  return { name, fusion };
});
const table: Record<string, unknown> = {};
for (const [condition, asked] of Object.entries({ clear, noisy, dark })) {
  const ways: FusionWay[] = [
    { name: 'sound', examples: scenes(clear, true, false), asked: scenes(asked, true, false) },
    { name: 'picture', examples: scenes(clear, false, true), asked: scenes(asked, false, true) },
    { name: 'served', examples: scenes(clear, true, true), asked: scenes(asked, true, true) },
    ...learned.map(({ name, fusion }) => ({
      name,
      examples: fused(clear, fusion.fuse(clear)),
      asked: fused(asked, fusion.fuse(asked)),
    })),
  ];
  for (const k of EXAMPLES_PER_LABEL)
    table[`${condition}.k${k}`] = compareFusions(
      ways,
      k,
      calibration?.classification ?? uncalibrated(DEFAULT_SCALE),
      1,
    );
}
process.stdout.write(`${JSON.stringify(table, null, 2)}\n`);

async function featuresOf(clips: readonly LabelledFile[], damageOf: () => Damage): Promise<SceneFeatures[]> {
  const features: SceneFeatures[] = [];
  for (const [i, { file, labels }] of clips.entries()) {
    features.push(await featuresOfClip(model, file, labels[0] ?? '', damageOf(), i));
    if ((i + 1) % 100 === 0) process.stderr.write(`${i + 1} of ${clips.length} clips\n`);
  }
  return features;
}

async function featuresOfClip(
  { segments, audioInput, videoInput, audioFeatures, videoFeatures }: EmbeddingModel,
  file: string,
  label: string,
  damage: Damage,
  seed: number,
): Promise<SceneFeatures> {
  const { sampleRateHz } = audioInput;
  const { block, samples } = await decodeBeginning(file, { ...segments, video: videoInput, sampleRateHz });
  if (damage === 'dark') block.data.fill(0);
  const heard = damage === 'noise' ? underNoise(samples, seed) : samples;
  const audio = await audioFeatures?.call(model, heard);
  const video = await videoFeatures?.call(model, block, []);
  const [seen] = await model.embedVideo([block]);
  if (!audio || !video || !seen) throw new Error('The model has no steps to attend to.');
  return {
    label,
    audio: audio.embedding.data,
    video: seen,
    audioSteps: audio.steps.data,
    videoSteps: video.steps.data,
  };
}

/** White noise as loud as ten times the sound's energy. */
function underNoise(samples: Float32Array, seed: number): Float32Array {
  const random = new SeededRandom(`noise/${seed}`);
  const energy = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
  return samples.map((value) => value + Math.sqrt(10 * energy) * random.normal());
}

function scenes(features: readonly SceneFeatures[], hears: boolean, sees: boolean): LabelledScene[] {
  return features.map(({ label, audio, video }) => ({
    label,
    audio: hears ? audio : null,
    video: sees ? video : null,
  }));
}

/** A fused vector stands where a sound's would. */
function fused(features: readonly SceneFeatures[], vectors: readonly Float32Array[]): LabelledScene[] {
  return features.map(({ label }, i) => ({ label, audio: vectors[i] as Float32Array, video: null }));
}
