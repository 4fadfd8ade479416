/** The `earshot` command line: every command by its own file, none of them loaded before it is asked for. */
import { Command } from 'commander';
import { registerClassify } from './commands/classify.ts';
import { registerClips } from './commands/clips.ts';
import { registerCorpus } from './commands/corpus.ts';
import { registerCorrespond } from './commands/correspond.ts';
import { registerDescribe } from './commands/describe.ts';
import { registerEvaluate } from './commands/evaluate.ts';
import { registerIngest } from './commands/ingest.ts';
import { registerLabels } from './commands/labels.ts';
import { registerLocalize } from './commands/localize.ts';
import { registerMigrate } from './commands/migrate.ts';
import { registerModels } from './commands/models.ts';
import { registerReconcile } from './commands/reconcile.ts';
import { registerSearch } from './commands/search.ts';
import { registerSeparate } from './commands/separate.ts';
import { registerServe } from './commands/serve.ts';
import { registerSync } from './commands/sync.ts';
import { registerTrain } from './commands/train.ts';
import { registerWorker } from './commands/worker.ts';
import type { CommandContext } from './context.ts';

const ENVIRONMENT = `
Environment, all optional; the same names may stand in .env:
  EARSHOT_DATA_DIR       folder of everything embedded (default ./data)
  EARSHOT_MODEL          what a new catalog begins with: a model's name or folder (default mini)
  EARSHOT_DATABASE_URL   PostgreSQL instead of the embedded database
  EARSHOT_QDRANT_URL, EARSHOT_QDRANT_API_KEY   Qdrant instead of the embedded index
  EARSHOT_STORAGE_URL    where media files are kept (file:)
  EARSHOT_API_URL        commands talk to this server instead of opening the data folder
  EARSHOT_LOG_LEVEL      trace, debug, info, warn, error, fatal or silent

Exit codes: 0 done, 1 something failed, 2 wrong usage.`;

export function buildProgram(context: CommandContext): Command {
  const program = new Command('earshot')
    .description('Find sounds by video and footage by sound.')
    .version(context.version)
    .showHelpAfterError('Run it with --help to see what it takes.')
    .addHelpText('after', ENVIRONMENT)
    .exitOverride();
  registerServe(program, context);
  registerWorker(program, context);
  registerIngest(program, context);
  registerSearch(program, context);
  registerCorrespond(program, context);
  registerClassify(program, context);
  registerSeparate(program, context);
  registerDescribe(program, context);
  registerLabels(program, context);
  registerSync(program, context);
  registerLocalize(program, context);
  registerClips(program, context);
  registerModels(program, context);
  registerReconcile(program, context);
  registerCorpus(program, context);
  registerTrain(program, context);
  registerEvaluate(program, context);
  registerMigrate(program, context);
  return program;
}
