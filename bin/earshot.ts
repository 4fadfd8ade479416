/** The `earshot` command: puts the command line together and ends the process with its exit code. */
import { CommandContext } from '#apps/indexer/context';
import { run } from '#apps/indexer/run';
import { exitWith, packageVersion, stopSignal } from './process-signals.ts';

const context = new CommandContext({ version: packageVersion(), signal: stopSignal() });
exitWith(await run(process.argv.slice(2), context));
