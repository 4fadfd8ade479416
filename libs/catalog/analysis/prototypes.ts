/** Labels as the active model sees them: the mean of their examples, or what the model takes their name to mean. */
import { EarshotError } from '#core/errors';
import type { LabelPrototypes, SceneEmbeddings } from '#model/network/label-cosines';
import { LabelRepository, type LabelRow } from '#store/repositories/labels';
import { readPrototypes } from '#store/repositories/prototypes';
import { labelName, shownLabel } from '../labels.ts';
import type { VectorParts } from './subject-vectors.ts';

/** Labels that one question may choose among: their prototypes are read for every answer. */
const MAX_LABELS = 10_000;

export interface KnownLabels {
  labels: string[];
  prototypes: LabelPrototypes;
}

/**
 * The labels given, in their order.
 *
 * @throws EarshotError `invalid_argument` for too many labels, a name that can't be one, a label that is given twice or
 *   has no examples where the model has no text tower
 */
export async function givenLabels(
  names: readonly string[],
  parts: VectorParts,
  signal?: AbortSignal,
): Promise<KnownLabels> {
  checkLabelCount(names.length);
  const labels = names.map((name, i) => labelName(name, `labels[${i}]`));
  const seen = new Set<string>();
  labels.forEach((label, i) => {
    if (seen.has(label)) throw refuse(`labels[${i}]`, `The label "${shownLabel(label)}" is given twice.`);
    seen.add(label);
  });
  const rows = await new LabelRepository(parts.database).byNames(labels);
  const known = await shownByExamples(rows, parts);
  const byName = new Map(rows.map((row) => [row.name, row]));
  for (const [i, label] of labels.entries()) {
    if (known.has(label)) continue;
    if (!parts.model.hasTextTower) throw withoutPrototype(label, i, byName.get(label), parts);
    known.set(label, (await parts.pool.embedText(label, { signal })).vector);
  }
  return { labels, prototypes: Object.fromEntries(known) };
}

/**
 * Every label of the catalog that has examples, by name.
 *
 * @throws EarshotError `invalid_argument` for more than can be compared at once
 */
export async function labelsWithExamples(parts: VectorParts): Promise<KnownLabels> {
  const repository = new LabelRepository(parts.database);
  const count = await repository.count();
  if (count > MAX_LABELS) checkLabelCount(count);
  const rows = await repository.list({ limit: MAX_LABELS });
  const known = await shownByExamples(rows, parts);
  return { labels: [...known.keys()].sort(), prototypes: Object.fromEntries(known) };
}

async function shownByExamples(
  rows: readonly LabelRow[],
  { database, model }: VectorParts,
): Promise<Map<string, SceneEmbeddings | Float32Array>> {
  const withExamples = rows.filter(({ examples }) => examples > 0);
  const ids = withExamples.map(({ id }) => id);
  const found = await readPrototypes(database, ids, model.identity);
  const vectors = new Map(found.map((prototype) => [prototype.labelId, prototype.vectors]));
  return new Map(
    withExamples.flatMap(({ id, name }) => {
      const { audio, video } = vectors.get(id) ?? {};
      return audio || video ? [[name, { audio, video }] as const] : [];
    }),
  );
}

function checkLabelCount(count: number): void {
  if (count >= 1 && count <= MAX_LABELS) return;
  const message =
    count === 0
      ? 'No labels are given: name those to choose among.'
      : `${count} labels are to be compared, and at most ${MAX_LABELS} can be at once: name those to choose among.`;
  throw refuse('labels', message);
}

function withoutPrototype(
  label: string,
  index: number,
  row: LabelRow | undefined,
  { model }: VectorParts,
): EarshotError {
  const name = shownLabel(label);
  const why = row?.examples
    ? `none of the ${row.examples} examples of the label "${name}" is embedded by the model "${model.name}" yet`
    : row
      ? `the label "${name}" has no examples, and the model "${model.name}" does not understand words`
      : `there is no label "${name}", and the model "${model.name}" does not understand words`;
  const message = `${why[0]?.toUpperCase()}${why.slice(1)}: give it examples with "earshot labels add".`;
  return refuse(`labels[${index}]`, message);
}

function refuse(subject: string, message: string): EarshotError {
  return new EarshotError('invalid_argument', message, { subject });
}
