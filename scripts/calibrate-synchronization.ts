/**
 * Fits the threshold of a model's synchronisation head anew, on the corpus's validation clips and on the validation part
 * of a list of further clips, and writes it into the model's `model.json`. Training does the same at its end.
 *
 *     node --import tsx scripts/calibrate-synchronization.ts MODEL_FOLDER CORPUS CACHE_FOLDER [LIST]
 */
import { fitSynchronizability } from '#learning/synchronization/fit-synchronizability';
import { corpusShiftedClips, listShiftedClips } from '#learning/synchronization/synchronization-clips';
import { readTwoTowerManifest, writeManifest } from '#model/checkpoint/checkpoint';
import { readSynchronization } from '#model/checkpoint/synchronization';

const [folder, corpus, cacheFolder, list] = process.argv.slice(2);
if (folder === undefined || corpus === undefined || cacheFolder === undefined) {
  process.stderr.write('Give the folders of the model, of the corpus and of the cache.\n');
  process.exit(2);
}
const manifest = await readTwoTowerManifest(folder);
const stored = await readSynchronization(folder, manifest);
const synchronization = manifest.heads?.synchronization;
if (!stored || !synchronization) {
  process.stderr.write(`${folder} has no synchronisation head.\n`);
  process.exit(1);
}
const { seed } = synchronization.training;
const options = { cacheFolder, seed: typeof seed === 'number' ? seed : 1 };
const sets = [(await corpusShiftedClips(corpus, 'validation', options)).clips];
if (list !== undefined) sets.push((await listShiftedClips(list, options)).validation);
const fit = await fitSynchronizability(stored.head, sets, options.seed);
const heads = {
  ...manifest.heads,
  synchronization: { ...synchronization, leastSynchronizability: fit.least },
};
await writeManifest(folder, { ...manifest, heads });
process.stdout.write(`${JSON.stringify(fit, null, 2)}\n`);
