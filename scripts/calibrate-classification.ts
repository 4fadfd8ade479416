/**
 * Fits what a trained model says of labels (temperatures, and how far is unknown) on the corpus's validation clips, and
 * writes it into its `model.json`; needed after every training.
 *
 *     node --import tsx scripts/calibrate-classification.ts MODEL_FOLDER CORPUS
 */
import { embedScenes } from '#learning/evaluation/embed-scenes';
import { corpusClips } from '#learning/evaluation/evaluate-model';
import { fitClassification } from '#model/calibration/classification';
import { writeCalibration } from '#model/checkpoint/checkpoint';
import { loadEmbeddingModel } from '#model/load-model';

const [folder, corpus] = process.argv.slice(2);
if (folder === undefined || corpus === undefined) {
  process.stderr.write('Give the folders of the model and of the corpus.\n');
  process.exit(2);
}
const model = await loadEmbeddingModel(folder);
const scenes = await embedScenes(model, await corpusClips(corpus, 'validation'), {
  onProgress: (done, total) => {
    if (done % 20 === 0) process.stderr.write(`${done} of ${total}\n`);
  },
});
model.dispose();
const { calibration } = await writeCalibration(folder, { classification: fitClassification(scenes) });
process.stdout.write(`${JSON.stringify(calibration?.classification, null, 2)}\n`);
