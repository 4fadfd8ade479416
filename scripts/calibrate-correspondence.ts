/**
 * Fits the probability that sound and picture belong together on the corpus's validation clips, and writes it into the
 * model's `model.json`; needed after every training.
 *
 *     node --import tsx scripts/calibrate-correspondence.ts MODEL_FOLDER CORPUS
 */
import { scorePairs } from '#learning/evaluation/correspondence-pairs';
import { corpusClips } from '#learning/evaluation/evaluate-model';
import { fitPlatt } from '#model/calibration/platt';
import { writeCalibration } from '#model/checkpoint/checkpoint';
import { loadEmbeddingModel } from '#model/load-model';

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
model.dispose();
const correspondence = fitPlatt(
  pairs.map(({ score }) => score),
  pairs.map(({ isMatch }) => isMatch),
);
await writeCalibration(folder, { correspondence });
process.stdout.write(`${JSON.stringify({ pairs: pairs.length, correspondence }, null, 2)}\n`);
