/**
 * Writes `libs/model/concepts/map-calibration.json` anew; needed after larger changes to the concept table.
 *
 *     node --import tsx scripts/calibrate-concept-maps.ts MODEL_FOLDER CLIPS
 *
 * CLIPS is a list of real clips, JSON lines of {"file", "concepts"}.
 */
import { writeFile } from 'node:fs/promises';
import { readConceptManifest } from '#learning/evaluation/concept-manifest';
import { calibrateConceptMaps } from '#learning/training/calibrate-concept-maps';
import { openConceptModel } from './open-concept-model.ts';

const [folder, clips] = process.argv.slice(2);
if (folder === undefined || clips === undefined) {
  process.stderr.write('Give the folder of the model and the list of clips.\n');
  process.exit(2);
}
const model = await openConceptModel(folder);
const calibration = await calibrateConceptMaps(model, await readConceptManifest(clips));
const file = new URL('../libs/model/concepts/map-calibration.json', import.meta.url);
await writeFile(file, `${JSON.stringify(calibration, null, 2)}\n`);
model.dispose();
