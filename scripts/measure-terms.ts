/**
 * What the alignment and the best position of the objective bring: measured on the corpus's test clips by the towers
 * alone, for each model given; as JSON, a line each.
 *
 *     node --import tsx scripts/measure-terms.ts CORPUS CLIPS MODEL_FOLDER...
 */
import { measureTerms } from '#learning/evaluation/measure-terms';
import { loadEmbeddingModel } from '#model/load-model';

const [corpus, clips, ...folders] = process.argv.slice(2);
if (corpus === undefined || !(Number(clips) >= 2) || folders.length === 0) {
  process.stderr.write('Give the folder of the corpus, how many clips, and the folders of the models.\n');
  process.exit(2);
}
for (const folder of folders) {
  const model = await loadEmbeddingModel(folder);
  const scores = await measureTerms(model, { corpus, clips: Number(clips) });
  model.dispose();
  process.stdout.write(`${JSON.stringify({ folder, ...scores })}\n`);
}
