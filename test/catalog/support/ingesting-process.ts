/** A process that ingests one file and tells each stage, to be killed in the middle. Arguments: data folder, file. */
import { openTestCatalog } from './test-catalog.ts';

const [dataDir = '', file = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  const catalog = await openTestCatalog(dataDir);
  await catalog.startWorker();
  const { clip, job } = await catalog.addClip({ source: { path: file } });
  process.stdout.write(`${clip.id}\n`);
  for await (const { stage } of catalog.watchJob(job?.id as string)) process.stdout.write(`${stage}\n`);
}

await main();
