/**
 * Fits the probability that sound and picture belong together on the corpus's validation clips, and writes it into the
 * model's `model.json`; needed after every training.
 *
 *     node --import tsx scripts/calibrate-correspondence.ts MODEL_FOLDER CORPUS
 */
import { scorePairs } from '#learning/evaluation/correspondence-pairs';
import { corpusClips } from '#learning/evaluation/evaluate-model';
import { AMBIENCE_KINDS, ambience } from '#learning/localization/ambience';
import { fitSourceless } from '#model/calibration/correspondence';
import { fitPlatt } from '#model/calibration/platt';
import { writeCalibration } from '#model/checkpoint/checkpoint';
import { loadEmbeddingModel } from '#model/load-model';

/** Sounds without a source, of each kind. */
const SOURCELESS = 40;
const SOUND_SEC = 4;

const [folder, corpus] = process.argv.slice(2);
if (folder === undefined || corpus === undefined) {
  process.stderr.write('Give the folders of the model and of the corpus.\n');
  process.exit(2);
}
const model = await loadEmbeddingModel(folder);
const { pairs } = await scorePairs(model, await corpusClips(corpus, 'validation'), {
  onProgress: (done, total) => {
    if (done % 20 === 0) process.stderr.write(`${done} of ${total}\n`);
  },
});
const kinds: Float32Array[][] = AMBIENCE_KINDS.map(() => []);
for (let i = 0; i < SOURCELESS * kinds.length; i++) {
  const { sampleRateHz } = model.audioInput;
  const [vector] = await model.embedAudio([
    ambience(i, 'calibration', SOUND_SEC * sampleRateHz, sampleRateHz),
  ]);
  kinds[i % kinds.length]?.push(vector as Float32Array);
}
model.dispose();
const correspondence = {
  ...fitPlatt(
    pairs.map(({ score }) => score),
    pairs.map(({ isMatch }) => isMatch),
  ),
  sourceless: fitSourceless(
    kinds,
    pairs.filter(({ isMatch }) => isMatch).map(({ audio }) => audio),
  ),
};
await writeCalibration(folder, { correspondence });
const { slope, intercept } = correspondence;
process.stdout.write(`${JSON.stringify({ pairs: pairs.length, slope, intercept })}\n`);
