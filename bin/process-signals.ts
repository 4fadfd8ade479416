/** What both programs share: the version, and how Ctrl-C and a closed pipe end them. */
import { readFileSync } from 'node:fs';

/** The version in package.json. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Aborted by the first Ctrl-C or TERM signal; a second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // What was under way is taken up again at the next start.
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
    });
  }
  // A reader like `head` that has seen enough is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  // Nobody may be listening to the messages any more; the work goes on without them.
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return stop.signal;
}

/** Ends the process when what it wrote has left it; a connection kept for reuse must not keep it waiting. */
export function exitWith(exitCode: number): void {
  process.stdout.write('', () => process.exit(exitCode));
}
