/** Takes one job and never finishes it. Arguments: `url` or `folder`, and which. */
import { openDatabase } from '#store/database';
import { JobQueue } from '#store/queue';

const [kind, where] = process.argv.slice(2);
const database = await openDatabase(kind === 'url' ? { url: where } : { dataDir: where });
const queue = await JobQueue.open(database, [{ name: 'ingest' }], { heartbeatMs: 100 });
queue.work('ingest', {}, async (job) => {
  process.stdout.write(`${job.id}\n`);
  await new Promise(() => undefined);
});
