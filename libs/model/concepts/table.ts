/**
 * The concept table: where AudioSet's and ImageNet's classes meet. `concepts.json` is data, made to be corrected by
 * hand: a concept's sounds are AudioSet display names, its sights are ImageNet labels by their first synonym. The
 * number beside a class says how far it speaks for the concept: 1 where it means the same, less for a wider class
 * ("Vehicle" for a car) or for a context that stands in for what ImageNet does not know (a crib for a baby).
 * A wider class of sounds speaks for a concept only as far as none of its narrower classes, which the concept does not
 * name, is heard: "Aircraft" is no word for a helicopter. `narrower` holds AudioSet's tree below those classes.
 *
 * A sight may be a run of the label list, `"Chihuahua..Mexican hairless"`, and carries its line behind a colon where
 * two labels begin alike: `"crane:518"`.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { EarshotError } from '#core/errors';
import { sha256 } from '../checkpoint/checkpoint.ts';

const weight = z.number().positive().max(1);

const conceptSchema = z.strictObject({
  name: z.string().min(1),
  sounds: z.record(z.string(), weight),
  sights: z.record(z.string(), weight),
  /** Synonyms and kindred words, for queries in text. */
  words: z.array(z.string().min(1)),
});

const tableSchema = z.strictObject({
  format: z.literal('earshot-concepts/1'),
  concepts: z.array(conceptSchema).min(1),
  /** AudioSet display names and what the ontology has right below them. */
  narrower: z.record(z.string(), z.array(z.string()).min(1)),
  /** Wider words that mean several concepts at once. */
  groups: z.record(z.string(), z.array(z.string()).min(1)),
});

export type ConceptTable = z.infer<typeof tableSchema>;

/** A class of a tower and how far it speaks for a concept. */
export interface WeightedClass {
  index: number;
  weight: number;
  /** Narrower classes than this one that are none of the concept's: what they are heard for is not the concept. */
  others?: readonly number[];
}

const FILE = new URL('./concepts.json', import.meta.url);

let shipped: { table: ConceptTable; hash: string } | null = null;

/** The shipped table, and the first 8 hex digits of its sha256: part of the model's version. */
export function conceptTable(): { table: ConceptTable; hash: string } {
  if (shipped === null) {
    const bytes = readFileSync(FILE);
    const hash = sha256(bytes).slice(0, 8);
    shipped = { table: tableSchema.parse(JSON.parse(bytes.toString('utf8'))), hash };
  }
  return shipped;
}

/**
 * Each concept's AudioSet classes, in the table's order.
 *
 * @throws EarshotError `model_invalid` naming a sound that the class map lacks
 */
export function soundClasses(table: ConceptTable, names: readonly string[]): WeightedClass[][] {
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const known = (name: string, concept: string) => {
    const index = indexOf.get(name);
    if (index === undefined) throw unknownClass(concept, name, 'the class map');
    return index;
  };
  return table.concepts.map(({ name: concept, sounds }) =>
    Object.entries(sounds).map(([name, weight]) => {
      const index = known(name, concept);
      if (weight === 1) return { index, weight };
      const others = [...narrowerThan(name, table)].filter((other) => !Object.hasOwn(sounds, other));
      return { index, weight, others: others.map((other) => known(other, name)) };
    }),
  );
}

/** All classes below one in the table's tree. */
function narrowerThan(
  name: string,
  { narrower }: Pick<ConceptTable, 'narrower'>,
  found = new Set<string>(),
): Set<string> {
  for (const child of narrower[name] ?? []) {
    if (found.has(child)) continue;
    found.add(child);
    narrowerThan(child, { narrower }, found);
  }
  return found;
}

/**
 * Each concept's ImageNet classes, in the table's order.
 *
 * @throws EarshotError `model_invalid` naming a sight that the label list lacks, or that is not unique in it
 */
export function sightClasses(table: ConceptTable, labels: readonly string[]): WeightedClass[][] {
  const lines = new Map<string, number[]>();
  labels.forEach((label, line) => {
    const first = label.split(',')[0] as string;
    lines.set(first, [...(lines.get(first) ?? []), line]);
  });
  return table.concepts.map(({ name, sights }) => {
    const weights = new Map<number, number>();
    for (const [entry, weight] of Object.entries(sights)) {
      for (const line of sightLines(entry, lines, name)) {
        weights.set(line, Math.max(weight, weights.get(line) ?? 0));
      }
    }
    return [...weights].map(([index, weight]) => ({ index, weight })).sort((a, b) => a.index - b.index);
  });
}

function sightLines(entry: string, lines: ReadonlyMap<string, number[]>, concept: string): number[] {
  const [from, to] = entry.split('..').map((end) => {
    const [label = '', line] = end.split(':');
    const found = (lines.get(label) ?? []).filter((index) => line === undefined || index === Number(line));
    if (found.length !== 1) throw unknownClass(concept, end, 'the label list');
    return found[0] as number;
  });
  if (from === undefined || (to !== undefined && to < from))
    throw unknownClass(concept, entry, 'the label list');
  return Array.from({ length: (to ?? from) - from + 1 }, (_, i) => from + i);
}

function unknownClass(concept: string, name: string, list: string): EarshotError {
  const message = `The concept table names "${name}" for ${concept}, which is not, or not only once, in ${list}.`;
  return new EarshotError('model_invalid', message, { subject: 'concepts.json' });
}
