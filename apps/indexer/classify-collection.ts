/** Labels for every clip of a collection, written as tags with their probabilities once somebody has agreed. */
import { createInterface } from 'node:readline/promises';
import type { CatalogService, Clip } from '#catalog/catalog-service';
import { asEarshotError, EarshotError } from '#core/errors';
import type { CommandContext } from './context.ts';

export interface CollectionClassification {
  collection: string;
  labels?: string[];
  /** Writes without asking. */
  yes: boolean;
  json: boolean;
}

interface Outcome {
  clip: Clip;
  /** Null where the clip could not be classified. */
  verdict: string | null;
  probability: number | null;
  model: string | null;
  error: { code: string; message: string } | null;
}

/** What a clip's metadata remember of it, so that a later run can take back the tag that this one wrote. */
interface Remembered {
  label: string;
  probability: number;
  model: string;
  /** Whether the tag came with it; one that was there before stays. */
  wroteTag: boolean;
}

/** @throws EarshotError `invalid_argument` where nobody can be asked and `yes` is not said */
export async function classifyCollection(
  request: CollectionClassification,
  context: CommandContext,
): Promise<void> {
  await context.withCatalog({ worker: false }, async (catalog) => {
    const outcomes = await classifyAll(request, catalog, context);
    const labelled = outcomes.filter(({ verdict }) => verdict !== null && verdict !== 'unknown');
    const failed = outcomes.filter(({ error }) => error !== null);
    for (const { clip, error } of failed) context.note(`${clip.id} ${clip.title}: ${error?.message}`);
    if (!request.json) printOutcomes(outcomes, context);
    const agreed = request.yes || (labelled.length > 0 && (await ask(labelled.length, context)));
    let written = 0;
    if (agreed) {
      for (const outcome of outcomes.filter(({ error }) => error === null))
        if (await writeTag(outcome, catalog)) written += 1;
    }
    if (request.json) context.printJson({ clips: outcomes.map(documentOf), written });
    else context.print(agreed ? `wrote the tags of ${written} clips` : 'nothing was written');
    if (failed.length > 0) context.exitCode = 1;
  });
}

async function classifyAll(
  { collection, labels }: CollectionClassification,
  catalog: CatalogService,
  context: CommandContext,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for await (const clip of indexedClips(collection, catalog)) {
    try {
      const found = await catalog.classify(
        { subject: { clipId: clip.id }, labels },
        { signal: context.signal },
      );
      const { verdict, scores, model } = found;
      const probability = scores.find(({ label }) => label === verdict)?.probability ?? null;
      outcomes.push({ clip, verdict, probability, model: `${model.id}@${model.version}`, error: null });
    } catch (thrown) {
      const { code, message } = asEarshotError(thrown);
      // What is wrong with the question is wrong for every clip.
      if (context.signal.aborted || code !== 'modality_missing') throw thrown;
      outcomes.push({ clip, verdict: null, probability: null, model: null, error: { code, message } });
    }
  }
  if (outcomes.length === 0) {
    const message = `The collection "${collection}" has no indexed clips.`;
    throw new EarshotError('unknown_collection', message, { subject: 'collection' });
  }
  return outcomes;
}

async function* indexedClips(collection: string, catalog: CatalogService): AsyncGenerator<Clip> {
  let cursor: string | undefined;
  do {
    const page = await catalog.listClips({ collection, status: 'indexed', limit: 100, cursor });
    yield* page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

async function ask(count: number, context: CommandContext): Promise<boolean> {
  if (!process.stdin.isTTY) {
    const message = 'Nobody is there to be asked: say --yes to write the tags. Nothing was written.';
    throw new EarshotError('invalid_argument', message, { subject: 'yes' });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Write these labels as tags of ${count} clips? [y/N] `, {
      signal: context.signal,
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

/** @returns whether anything changed */
async function writeTag(
  { clip, verdict, probability, model }: Outcome,
  catalog: CatalogService,
): Promise<boolean> {
  const before = clip.metadata.classification as Remembered | undefined;
  const isLabel = verdict !== null && verdict !== 'unknown' && probability !== null && model !== null;
  const own = clip.tags.filter((tag) => !(before?.wroteTag && tag === before.label));
  const { classification: _before, ...metadata } = clip.metadata;
  if (!isLabel && before === undefined) return false;
  const tags = isLabel && !own.includes(verdict) ? [...own, verdict] : own;
  const remembered: Remembered | null = isLabel
    ? { label: verdict, probability, model, wroteTag: !own.includes(verdict) }
    : null;
  await catalog.updateClip(clip.id, {
    tags,
    metadata: remembered ? { ...metadata, classification: remembered } : metadata,
  });
  return true;
}

function printOutcomes(outcomes: readonly Outcome[], context: CommandContext): void {
  for (const { clip, verdict, probability } of outcomes) {
    if (verdict === null) continue;
    const percent = probability === null ? '' : ` ${(100 * probability).toFixed(1)} %`;
    context.print(`${clip.id}  ${verdict}${percent}  ${clip.title}`);
  }
}

function documentOf({ clip, verdict, probability, error }: Outcome) {
  return { clipId: clip.id, title: clip.title, verdict, probability, error };
}
