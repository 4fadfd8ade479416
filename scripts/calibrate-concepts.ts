/**
 * Writes `libs/model/concepts/calibration.json` anew; needed after larger changes to the concept table.
 *
 *     node --import tsx scripts/calibrate-concepts.ts MODEL_FOLDER SOUNDS PICTURES
 *
 * SOUNDS is a folder of ESC-10, PICTURES one photograph of each ImageNet class.
 */
import { writeFile } from 'node:fs/promises';
import { calibrateConcepts } from '#learning/training/calibrate-concepts';
import { openConceptModel } from './open-concept-model.ts';

const [folder, sounds, pictures] = process.argv.slice(2);
if (folder === undefined || sounds === undefined || pictures === undefined) {
  process.stderr.write('Give the folders of the model, of the sounds and of the pictures.\n');
  process.exit(2);
}
const model = await openConceptModel(folder);
const calibration = await calibrateConcepts({
  model,
  sounds,
  pictures,
  onProgress: (done, total) => {
    if (done % 50 === 0) process.stderr.write(`${done} of ${total}\n`);
  },
});
const file = new URL('../libs/model/concepts/calibration.json', import.meta.url);
await writeFile(file, `${JSON.stringify(calibration, null, 2)}\n`);
model.dispose();
