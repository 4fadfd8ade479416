/** The `earshot` command: puts the command line together and ends the process with its exit code. */
import { readFileSync } from 'node:fs';
import { CommandContext } from '#apps/indexer/context';
import { run } from '#apps/indexer/run';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second one means now; what was under way is taken up again at the next start.
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  });
}
// A reader like `head` that has seen enough is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const exitCode = await run(process.argv.slice(2), new CommandContext({ version, signal: stop.signal }));
// Said outright: a connection kept open for reuse must not keep a finished command waiting.
process.stdout.write('', () => process.exit(exitCode));
