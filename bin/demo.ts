/** `npm run demo`: a small catalog under ./data/demo, searched in both directions; `--serve` shows it in a browser. */
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CommandContext } from '#apps/indexer/context';
import { ingestSamples, showHitRate, showSearch } from '#apps/indexer/demo';
import {
  showClassification,
  showCorrespondence,
  showDescription,
  showLocalization,
  showSeparation,
  showSynchronization,
} from '#apps/indexer/demo-questions';
import type { CatalogService, Clip } from '#catalog/catalog-service';
import { loadConfig } from '#catalog/config';
import { asEarshotError } from '#core/errors';
import { exitWith, packageVersion, stopSignal } from './process-signals.ts';

const SAMPLES = fileURLToPath(new URL('../test/fixtures/clips/manifest.jsonl', import.meta.url));
const BARKING = fileURLToPath(new URL('../test/fixtures/clips/14-dog.mp4', import.meta.url));
const DUET = fileURLToPath(new URL('../test/fixtures/duets/hammer-cello.mp4', import.meta.url));
const DATA_DIR = './data/demo';
const NEXT = `
What to try next:
  npm run demo -- --serve                            the page, in a browser
  npm run earshot -- ingest FOLDER                   your own files
  npm run earshot -- search --video FILE --for audio sounds for a video of yours
  npm run earshot -- --help                          everything else`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { serve: { type: 'boolean', default: false }, port: { type: 'string' } },
  });
  // Always embedded, whatever the environment says: a demo must not write into somebody's database.
  const fixed = { databaseUrl: undefined, qdrantUrl: undefined, storageUrl: undefined, apiUrl: undefined };
  const config = { ...loadConfig(), ...fixed, dataDir: resolve(DATA_DIR) };
  const context = new CommandContext({ version: packageVersion(), signal: stopSignal(), config });
  const port = values.port === undefined ? config.port : Number(values.port);
  if (values.serve) await showAndServe(context, port);
  else {
    await context.withCatalog({ worker: true }, (catalog) => show(catalog, context));
    context.print(NEXT);
  }
}

async function show(catalog: CatalogService, context: CommandContext): Promise<void> {
  const clips = await ingestSamples(catalog, SAMPLES, context);
  await showSearch(catalog, firstWith(clips, 'dog'), 'video', context);
  await showSearch(catalog, firstWith(clips, 'piano'), 'audio', context);
  context.print('\nWith each of the clips in turn, itself left out:');
  await showHitRate(catalog, clips, 'video', context);
  await showHitRate(catalog, clips, 'audio', context);
  const [dog, piano] = [firstWith(clips, 'dog'), firstWith(clips, 'piano')];
  await showCorrespondence(catalog, dog, piano, context);
  await showClassification(catalog, clips, context);
  await showDescription(catalog, piano, context);
  await showLocalization(catalog, dog, join(DATA_DIR, 'localization'), context);
  await showSynchronization(catalog, BARKING, join(DATA_DIR, 'synchronization'), context);
  await showSeparation(catalog, DUET, join(DATA_DIR, 'separation'), context);
}

async function showAndServe(context: CommandContext, port: number): Promise<void> {
  const { host, dataDir, allowPublic, maxUploadBytes } = await context.config();
  const { startServer } = await import('#apps/api/server');
  await context.withLocalCatalog({ worker: true }, async (catalog) => {
    await show(catalog, context);
    const { version, signal } = context;
    const server = await startServer({
      catalog,
      logger: await context.logger(),
      host,
      port,
      dataDir,
      version,
      allowPublic,
      maxUploadBytes,
    });
    try {
      await catalog.announceUrl(server.url);
      context.print(`\nThe page is at ${server.url}. Ctrl-C stops it.`);
      if (!signal.aborted) await once(signal, 'abort');
    } finally {
      await catalog.announceUrl(null);
      await server.close();
    }
  });
}

function firstWith(clips: readonly Clip[], label: string): Clip {
  const clip = clips.find(({ labels }) => labels.includes(label)) ?? clips[0];
  if (!clip) throw new Error('the manifest of the samples names no clips');
  return clip;
}

try {
  await main();
  exitWith(0);
} catch (thrown) {
  const { code, message } = asEarshotError(thrown);
  process.stderr.write(`error [${code}]: ${message}\n`);
  exitWith(1);
}
