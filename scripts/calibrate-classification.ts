/**
 * Fits what a trained model says of labels, and writes it into its `model.json`; needed after every training. On the
 * corpus's training clips, as they are and degraded: the gate that fuses sound and picture. On its validation clips: the
 * temperatures, and how far is unknown. The same clips and seed give the same numbers.
 *
 *     node --import tsx scripts/calibrate-classification.ts MODEL_FOLDER CORPUS [TRAINING_CLIPS] [VALIDATION_CLIPS]
 *
 * TRAINING_CLIPS: 432 unless told; 0 leaves the gate out. VALIDATION_CLIPS: all unless told.
 */
import { SeededRandom } from '#core/random';
import { embedScenes } from '#learning/evaluation/embed-scenes';
import { corpusClips, type LabelledFile } from '#learning/evaluation/evaluate-model';
import { drawDegradation } from '#learning/fusion/degradation';
import { learnGate } from '#learning/fusion/learn-gate';
import { fitClassification } from '#model/calibration/classification';
import { writeCalibration } from '#model/checkpoint/checkpoint';
import { loadEngine } from '#model/engine/engine';
import { loadEmbeddingModel } from '#model/load-model';

const [folder, corpus, trainingClips = '432', validationClips] = process.argv.slice(2);
if (folder === undefined || corpus === undefined) {
  process.stderr.write('Give the folders of the model and of the corpus.\n');
  process.exit(2);
}
const model = await loadEmbeddingModel(folder);
const training = await corpusClips(corpus, 'train', Number(trainingClips));
const scenes = await embedScenes(model, training, {
  degradationOf: ({ id }: LabelledFile) => drawDegradation(new SeededRandom(`degradation/${id}`)),
  onProgress: tell,
});
const limit = validationClips === undefined ? undefined : Number(validationClips);
const held = await embedScenes(model, await corpusClips(corpus, 'validation', limit), { onProgress: tell });
model.dispose();
const learned = scenes.length > 0 ? learnGate(await loadEngine(), scenes) : null;
if (learned) process.stderr.write(`gate: loss ${learned.loss.toFixed(3)}\n`);
const { calibration } = await writeCalibration(folder, {
  classification: fitClassification(held, { gate: learned?.gate }),
});
const { audio, video, expected, fused } = calibration?.classification ?? {};
const { scale, threshold } = fused ?? {};
process.stdout.write(`${JSON.stringify({ audio, video, expected, fused: { scale, threshold } }, null, 2)}\n`);

function tell(done: number, total: number): void {
  if (done % 20 === 0) process.stderr.write(`${done} of ${total}\n`);
}
