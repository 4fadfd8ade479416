import { vi } from 'vitest';
import type { CommandContext } from '#apps/indexer/context';
import { run } from '#apps/indexer/run';

/** Runs a command line in this process. @returns what it wrote, and what the process would have ended with */
export async function capturedRun(args: readonly string[], context: CommandContext) {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += String(text);
      return true;
    }),
  );
  const exitCode = await run(args, context).finally(() => spies.map((spy) => spy.mockRestore()));
  return { ...said, exitCode };
}
