/** `earshot migrate`: brings the database's schema up to date. */
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';

export function registerMigrate(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .description("bring the database's schema up to date")
    .action(() => migrate(context));
}

async function migrate(context: CommandContext): Promise<void> {
  const { migrateCatalog } = await import('#catalog/open-catalog');
  await migrateCatalog(await context.config(), { logger: await context.logger() });
  context.print('The database is up to date.');
}
