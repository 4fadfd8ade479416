/**
 * Sends a job to each of two queues, takes both and never finishes them. Arguments: `url` or `folder`, and which.
 * `last` allows no second attempt.
 */
import { migrateDatabase, openDatabase } from '#store/database';
import { JobQueue } from '#store/queue';

const [kind, where] = process.argv.slice(2);
const database = await openDatabase(kind === 'url' ? { url: where } : { dataDir: where });
await migrateDatabase(database);
const definitions = [{ name: 'ingest' }, { name: 'last', retryLimit: 0 }];
const queue = await JobQueue.open(database, definitions, { heartbeatMs: 100 });
const taken: Record<string, string> = {};
for (const { name } of definitions) {
  await queue.send(name, {});
  queue.work(name, {}, async (job) => {
    taken[name] = job.id;
    if (Object.keys(taken).length === 2) process.stdout.write(`${JSON.stringify(taken)}\n`);
    await new Promise(() => undefined);
  });
}
