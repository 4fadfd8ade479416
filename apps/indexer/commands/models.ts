/** `earshot models`: the models at hand, the one in use, fetching another and changing to it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CatalogService, Job, ModelSummary } from '#catalog/catalog-service';
import { DIMENSIONS, EMBEDDING_GEMMA, GRAPH_ENDINGS } from '#catalog/models';
import { EarshotError } from '#core/errors';
import type { CommandContext } from '../context.ts';
import { StageBar } from '../stage-bar.ts';

interface JsonOption {
  json?: boolean;
}

export function registerModels(program: Command, context: CommandContext): void {
  const models = program
    .command('models')
    .description('look at the models, fetch them, and change the one in use');
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
    .argument(
      '<name>',
      'concept: YAMNet and MobileNetV2, 8 MB; embeddinggemma-2: 740 million parameters, run by the package @huggingface/transformers',
    )
    .option('--from <folder>', 'take its files from this folder instead of the network')
    .addOption(
      new Option(
        '--dimension <n>',
        `embeddinggemma-2: numbers of a vector that are kept: ${DIMENSIONS.join(', ')} (default: 768)`,
      ).argParser(dimensionOption),
    )
    .addOption(
      new Option(
        '--quantization <kind>',
        'embeddinggemma-2: how its weights are stored (default: q8)',
      ).choices(Object.keys(GRAPH_ENDINGS)),
    )
    .option('--json', 'print {name, folder, bytes, alreadyThere} as one JSON document')
    .action((name: string, options: PullOptions) => pull(name, options, context));
  models
    .command('use')
    .description('embed all clips with another model, then answer with it; until then the one before does')
    .argument('<name>', 'as "models ls" lists it')
    .option('--no-wait', 'return at once; a running server or worker does it')
    .option('--json', 'print {model, job} as one JSON document')
    .addHelpText('after', '\nStopped on the way, it goes on with the next command or server on the catalog.')
    .action((name: string, options: UseOptions) => use(name, options, context));
  models
    .command('rm')
    .description("drop the vectors that the catalog keeps of a former model; the model's files stay")
    .argument('<name>', 'of the model, or id@version')
    .option('--json', 'print {removedPoints} as one JSON document')
    .action((name: string, options: JsonOption) => remove(name, options, context));
}

interface UseOptions extends JsonOption {
  wait: boolean;
}

async function use(name: string, options: UseOptions, context: CommandContext): Promise<void> {
  const opening = { worker: options.wait, insteadOfLost: name };
  await context.withCatalog(opening, async (catalog) => {
    const { model, job } = await catalog.useModel(name);
    const last = job && options.wait ? await follow(catalog, job, context) : job;
    if (options.json) context.printJson({ model, job: last });
    const id = `${model.id}@${model.version}`;
    if (last === null) report(`${id} is the model in use.`);
    else if (last.status === 'done') report(`Every clip is embedded with ${id}: it is the model in use now.`);
    else if (last.status === 'queued' || last.status === 'running')
      report(`The change to ${id} goes on: job ${last.id}.`);
    else throw changeFailed(id, last);
  });
  function report(sentence: string): void {
    if (!options.json) context.print(sentence);
  }
}

/** The job as it ended, or as it was when we stopped looking. */
async function follow(catalog: CatalogService, job: Job, context: CommandContext): Promise<Job> {
  const bar = new StageBar();
  let last = job;
  try {
    for await (const state of catalog.watchJob(job.id, { signal: context.signal })) {
      last = state;
      if (state.status === 'running') bar.update(state.stage, Math.round(100 * state.progress), 100);
    }
  } finally {
    bar.stop();
  }
  if (context.signal.aborted) context.exitCode = 1;
  return last;
}

function changeFailed(id: string, { status, error }: Job): EarshotError {
  if (status === 'cancelled') return new EarshotError('cancelled', `The change to ${id} was taken back.`);
  const reason = error ? `[${error.code}] ${error.message}` : 'for no reason given';
  const message = `The change to ${id} failed, and the model in use stays in use: ${reason}`;
  return new EarshotError('internal', message);
}

async function remove(name: string, options: JsonOption, context: CommandContext): Promise<void> {
  const removed = await context.withCatalog({ worker: false }, (catalog) => catalog.removeModel(name));
  if (options.json) context.printJson(removed);
  else context.print(`${removed.removedPoints} vectors of ${name} are gone.`);
}

interface PullOptions extends JsonOption {
  from?: string;
  dimension?: (typeof DIMENSIONS)[number];
  quantization?: keyof typeof GRAPH_ENDINGS;
}

function dimensionOption(text: string): (typeof DIMENSIONS)[number] {
  const dimension = DIMENSIONS.find((each) => String(each) === text);
  if (dimension === undefined)
    throw new InvalidArgumentError(`Allowed choices are ${DIMENSIONS.join(', ')}.`);
  return dimension;
}

/** What is chosen for `embeddinggemma-2`. @throws EarshotError `invalid_argument` for another model */
function choiceOf(name: string, { dimension, quantization }: PullOptions) {
  if (name !== EMBEDDING_GEMMA && (dimension ?? quantization) !== undefined) {
    const message = `--dimension and --quantization are of ${EMBEDDING_GEMMA}: leave them out for ${name}.`;
    throw new EarshotError('invalid_argument', message, { subject: 'dimension' });
  }
  return { ...(dimension && { dimension }), ...(quantization && { quantization }) };
}

async function pull(name: string, options: PullOptions, context: CommandContext): Promise<void> {
  const embeddingGemma = choiceOf(name, options);
  const { dataDir } = await context.config();
  const { pullModel } = await import('#catalog/pull-model');
  const bar = new StageBar();
  try {
    const pulled = await pullModel(name, {
      dataDir,
      from: options.from,
      embeddingGemma,
      signal: context.signal,
      onProgress: (bytes, total) => bar.update('fetch', bytes, total),
    });
    bar.stop();
    if (options.json) context.printJson(pulled);
    else if (pulled.alreadyThere) context.print(`${name} is there already, whole: ${pulled.folder}`);
    else context.print(`${name} is ready in ${pulled.folder}. Use it with "earshot models use ${name}".`);
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
    head: ['', 'name', 'version', 'dimension', 'state', 'description'],
    style: { head: [], border: [] },
  });
  for (const { active, name, version, dimension, state, description } of models) {
    table.push([active ? '*' : '', name, version, dimension, state, description]);
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
