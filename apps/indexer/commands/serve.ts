/** `earshot serve`: the API, the page, and a worker in the same process. */
import { once } from 'node:events';
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { integerOption } from '../option-parsers.ts';

interface ServeOptions {
  host?: string;
  port?: number;
  allowPublic?: boolean;
}

export function registerServe(program: Command, context: CommandContext): void {
  program
    .command('serve')
    .description('run the API, the page and an ingest worker')
    .option('--host <address>', 'address to bind to (default: EARSHOT_HOST, else 127.0.0.1)')
    .option(
      '--port <number>',
      'port; 0 takes a free one (default: EARSHOT_PORT, else 8787)',
      integerOption(0, 65_535),
    )
    .option(
      '--allow-public',
      'let other machines in, though the server asks for no key (default: EARSHOT_ALLOW_PUBLIC)',
    )
    .action((options: ServeOptions) => serve(options, context));
}

async function serve(options: ServeOptions, context: CommandContext): Promise<void> {
  const config = await context.config();
  const logger = await context.logger('info');
  const { startServer } = await import('#apps/api/server');
  await context.withLocalCatalog({ worker: true }, async (catalog) => {
    const server = await startServer({
      catalog,
      logger,
      host: options.host ?? config.host,
      port: options.port ?? config.port,
      dataDir: config.dataDir,
      version: context.version,
      allowPublic: options.allowPublic ?? config.allowPublic,
      maxUploadBytes: config.maxUploadBytes,
    });
    try {
      await catalog.announceUrl(server.url);
      context.note(
        `Earshot is at ${server.url} (the API's reference at ${server.url}/docs). Ctrl-C stops it.`,
      );
      if (!context.signal.aborted) await once(context.signal, 'abort');
      logger.info('stopping');
    } finally {
      await catalog.announceUrl(null);
      await server.close();
    }
  });
}
