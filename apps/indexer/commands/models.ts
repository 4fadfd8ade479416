/** `earshot models`: the models at hand, the one in use, and fetching another. */
import type { Command } from 'commander';
import type { ModelSummary } from '#catalog/catalog-service';
import { EarshotError } from '#core/errors';
import type { CommandContext } from '../context.ts';
import { StageBar } from '../stage-bar.ts';

interface JsonOption {
  json?: boolean;
}

export function registerModels(program: Command, context: CommandContext): void {
  const models = program.command('models').description('look at the models and fetch them');
  models
    .command('ls')
    .description('list the models at hand')
    .option('--json', 'print {models} as one JSON document')
    .action((options: JsonOption) => list(options, context));
  models
    .command('info')
    .description('say what a model is')
    .argument('[name]', 'its name; default: the model in use')
    .option('--json', 'print it as one JSON document')
    .action((name: string | undefined, options: JsonOption) => info(name, options, context));
  models
    .command('pull')
    .description('fetch a pretrained model into the data folder')
    .argument('<name>', 'concept: YAMNet and MobileNetV2, 8 MB')
    .option('--from <folder>', 'take its files from this folder instead of the network')
    .option('--json', 'print {name, folder, bytes, alreadyThere} as one JSON document')
    .action((name: string, options: PullOptions) => pull(name, options, context));
}

interface PullOptions extends JsonOption {
  from?: string;
}

async function pull(name: string, options: PullOptions, context: CommandContext): Promise<void> {
  const { dataDir } = await context.config();
  const { pullModel } = await import('#catalog/pull-model');
  const bar = new StageBar();
  try {
    const pulled = await pullModel(name, {
      dataDir,
      from: options.from,
      signal: context.signal,
      onProgress: (bytes, total) => bar.update('fetch', bytes, total),
    });
    bar.stop();
    if (options.json) context.printJson(pulled);
    else if (pulled.alreadyThere) context.print(`${name} is there already, whole: ${pulled.folder}`);
    else context.print(`${name} is ready in ${pulled.folder}. Use it with EARSHOT_MODEL=${name}.`);
  } finally {
    bar.stop();
  }
}

async function list(options: JsonOption, context: CommandContext): Promise<void> {
  const models = await readModels(context);
  if (options.json) {
    context.printJson({ models });
    return;
  }
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    head: ['', 'name', 'version', 'dimension', 'description'],
    style: { head: [], border: [] },
  });
  for (const { active, name, version, dimension, description } of models) {
    table.push([active ? '*' : '', name, version, dimension, description]);
  }
  context.print(table.toString());
}

async function info(name: string | undefined, options: JsonOption, context: CommandContext): Promise<void> {
  const models = await readModels(context);
  const model = models.find((entry) => (name === undefined ? entry.active : entry.name === name));
  if (!model) {
    const known = models.map((entry) => entry.name).join(', ');
    throw new EarshotError('model_not_found', `There is no model ${name}; there are: ${known}.`, {
      subject: name,
    });
  }
  if (options.json) context.printJson(model);
  else for (const [key, value] of Object.entries(model)) context.print(`${`${key}:`.padEnd(13)}${value}`);
}

function readModels(context: CommandContext): Promise<ModelSummary[]> {
  return context.withCatalog({ worker: false }, (catalog) => catalog.listModels());
}
