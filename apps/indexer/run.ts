/** Runs one command line and answers its exit code: 0 done, 1 something failed, 2 wrong usage. */
import { CommanderError } from 'commander';
import { asEarshotError, type ErrorCode } from '#core/errors';
import type { CommandContext } from './context.ts';
import { buildProgram } from './program.ts';

const WRONG_USAGE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['invalid_argument', 'configuration_invalid']);

/** @param args what follows the program's name */
export async function run(args: readonly string[], context: CommandContext): Promise<number> {
  const program = buildProgram(context);
  // Without a command there is nothing to do: that is a question for help, and wrong usage in a script.
  if (args.length === 0) {
    program.outputHelp({ error: true });
    return 2;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    const error = asEarshotError(thrown);
    context.note(`error [${error.code}]: ${error.message}`);
    if (error.code === 'internal') (await context.logger()).debug({ err: thrown }, 'command failed');
    return WRONG_USAGE.has(error.code) ? 2 : 1;
  }
}
