/**
 * A process that changes the catalog's model and tells the progress, to be killed in the middle. Arguments: data folder,
 * model, and the environment as JSON.
 */
import { FAKE_MODELS_MODULE, openTestCatalog } from './test-catalog.ts';

const [dataDir = '', model = '', env = '{}'] = process.argv.slice(2);

async function main(): Promise<void> {
  const catalog = await openTestCatalog(dataDir, JSON.parse(env), FAKE_MODELS_MODULE);
  await catalog.startWorker();
  const { job } = await catalog.useModel(model);
  process.stdout.write(`${job?.id}\n`);
  for await (const { progress } of catalog.watchJob(job?.id as string)) process.stdout.write(`${progress}\n`);
}

await main();
