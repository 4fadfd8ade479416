/** `earshot worker`: ingests what servers and commands have queued in PostgreSQL. */
import { once } from 'node:events';
import type { Command } from 'commander';
import { EarshotError } from '#core/errors';
import type { CommandContext } from '../context.ts';

export function registerWorker(program: Command, context: CommandContext): void {
  program
    .command('worker')
    .description('run an ingest worker only (needs PostgreSQL and Qdrant)')
    .action(() => work(context));
}

async function work(context: CommandContext): Promise<void> {
  const { databaseUrl, qdrantUrl } = await context.config();
  if (databaseUrl === undefined) {
    const message =
      'A worker of its own needs EARSHOT_DATABASE_URL: the embedded database has one process, which is its worker too.';
    throw new EarshotError('configuration_invalid', message, { subject: 'EARSHOT_DATABASE_URL' });
  }
  if (qdrantUrl === undefined) {
    const message =
      'A worker of its own needs EARSHOT_QDRANT_URL: an embedded index in its own data folder is one that no server searches.';
    throw new EarshotError('configuration_invalid', message, { subject: 'EARSHOT_QDRANT_URL' });
  }
  const logger = await context.logger('info');
  await context.withLocalCatalog({ worker: true }, async () => {
    logger.info('working');
    if (!context.signal.aborted) await once(context.signal, 'abort');
    logger.info('stopping');
  });
}
