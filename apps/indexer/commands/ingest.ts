/** `earshot ingest`: adds files and folders to the catalog and waits until they can be found. */
import type { Command } from 'commander';
import { asEarshotError, EarshotError } from '#core/errors';
import type { CommandContext } from '../context.ts';
import { type FileToIngest, type IngestReport, ingestFiles } from '../ingest-files.ts';
import { type ManifestEntry, readManifest } from '../manifest.ts';
import { mediaFilesAt } from '../media-files.ts';
import { listOption } from '../option-parsers.ts';
import { progressView } from '../progress-view.ts';

interface IngestOptions {
  collection?: string;
  tag?: string[];
  label?: string[];
  manifest?: string;
  json?: boolean;
}

export function registerIngest(program: Command, context: CommandContext): void {
  program
    .command('ingest')
    .description('add files and folders; one bad file never stops the rest')
    .argument('[path...]', 'media files, or folders that are searched for them')
    .option('--collection <name>', 'collection to put them in')
    .option('--tag <tag>', 'tag for each of them; may be repeated', listOption)
    .option('--label <label>', 'label for each of them; may be repeated', listOption)
    .option(
      '--manifest <file>',
      'JSON lines of {file, collection?, title?, tags?, labels?, metadata?}, files relative to the manifest',
    )
    .option('--json', 'print {ingested, skipped, failed} as one JSON document')
    .addHelpText('after', '\nFiles that are there already are skipped. Exits with 1 if any file failed.')
    .action((paths: string[], options: IngestOptions) => ingest(paths, options, context));
}

async function ingest(paths: string[], options: IngestOptions, context: CommandContext): Promise<void> {
  const manifest = options.manifest === undefined ? [] : await readManifest(options.manifest);
  if (paths.length === 0 && manifest.length === 0) {
    throw new EarshotError('invalid_argument', 'Nothing to ingest: name files or folders, or a --manifest.');
  }
  const { files, failed } = await gather(paths, manifest, options);
  const report: IngestReport = { ingested: [], skipped: [], failed };
  let notBegun = 0;
  for (const { file, code, message } of failed) context.note(`failed  ${file}: [${code}] ${message}`);
  if (files.length > 0) {
    const progress = progressView(files.length);
    try {
      const { signal } = context;
      const done = await context.withCatalog({ worker: true }, (catalog) =>
        ingestFiles(catalog, files, { progress, signal }),
      );
      report.ingested.push(...done.ingested);
      report.skipped.push(...done.skipped);
      report.failed.push(...done.failed);
      notBegun = files.length - done.ingested.length - done.skipped.length - done.failed.length;
    } finally {
      progress.stop();
    }
  }
  if (report.failed.length > 0 || notBegun > 0) context.exitCode = 1;
  if (options.json) context.printJson(report);
  else summarise(report, notBegun, context);
}

/** The files to ingest, in order; paths that lead to none are failures like any other. */
async function gather(
  paths: readonly string[],
  manifest: readonly ManifestEntry[],
  { collection, tag, label }: IngestOptions,
): Promise<{ files: FileToIngest[]; failed: IngestReport['failed'] }> {
  const files: FileToIngest[] = [];
  const failed: IngestReport['failed'] = [];
  for (const path of paths) {
    try {
      for (const file of await mediaFilesAt(path)) files.push({ file, collection, tags: tag, labels: label });
    } catch (thrown) {
      const { code, message } = asEarshotError(thrown);
      failed.push({ file: path, code, message });
    }
  }
  for (const entry of manifest) {
    const tags = [...(tag ?? []), ...(entry.tags ?? [])];
    const labels = [...(label ?? []), ...(entry.labels ?? [])];
    files.push({ ...entry, collection: entry.collection ?? collection, tags, labels });
  }
  return { files, failed };
}

function summarise(report: IngestReport, notBegun: number, context: CommandContext): void {
  const parts = [
    `${report.ingested.length} ingested`,
    `${report.skipped.length} skipped`,
    `${report.failed.length} failed`,
  ];
  if (notBegun > 0) parts.push(`${notBegun} not begun; run the same command again to go on`);
  context.print(parts.join(', '));
}
