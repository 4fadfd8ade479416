/** `earshot models`: the models at hand, and the one in use. */
import type { Command } from 'commander';
import type { ModelSummary } from '#catalog/catalog-service';
import { EarshotError } from '#core/errors';
import type { CommandContext } from '../context.ts';

interface JsonOption {
  json?: boolean;
}

export function registerModels(program: Command, context: CommandContext): void {
  const models = program.command('models').description('look at the models');
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
