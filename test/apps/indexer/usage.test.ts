import { describe, expect, it } from 'vitest';
import { CommandContext } from '#apps/indexer/context';
import { capturedRun } from '../support/captured-run.ts';

/** Runs a command line that must go wrong before it opens anything. */
async function refused(args: readonly string[]) {
  return capturedRun(args, new CommandContext({ version: '0', signal: new AbortController().signal }));
}

describe('wrong usage', () => {
  it.each([
    ['no command', [], 'Usage'],
    ['an unknown command', ['listen'], 'listen'],
    ['an unknown option', ['clips', 'ls', '--loud'], '--loud'],
    ['a search for nothing', ['search', '--clip', 'x'], '--for'],
    ['a search with nothing', ['search', '--for', 'audio'], '--clip'],
    ['a search with two queries', ['search', '--for', 'audio', '--clip', 'x', '--video', 'y'], '--video'],
    ['topK 0', ['search', '--for', 'audio', '--clip', 'x', '--top-k', '0'], '--top-k'],
    ['a filter that is no JSON', ['search', '--for', 'audio', '--clip', 'x', '--filter', '{'], 'filter'],
    ['an ingest of nothing', ['ingest'], 'Nothing to'],
    ['a server open to the world', ['serve', '--host', '0.0.0.0', '--port', 'x'], '--port'],
  ])('ends with 2 for %s, naming it', async (_what, args, named) => {
    const { exitCode, stdout, stderr } = await refused(args);
    expect(stdout).toBe('');
    expect(stderr).toContain(named);
    expect(exitCode).toBe(2);
  });
});
