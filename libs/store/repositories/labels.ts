/**
 * Labels and the clips that show what they mean. Clips are always locked before labels, and each kind in the order of
 * its ids, so that two processes that change the same examples wait for each other and never deadlock.
 */
import { and, asc, count, eq, gt, inArray, sql } from 'drizzle-orm';
import { v7, validate } from 'uuid';
import type { Session } from '../database.ts';
import { clips, labelExamples, labels } from '../schema.ts';
import { forgetPrototypes, lockLabels } from './prototypes.ts';

export interface LabelRow {
  id: string;
  name: string;
  /** How many clips show it. */
  examples: number;
  createdAt: Date;
}

/** Bounds the parameters of one statement. */
const CHUNK = 1000;

/** By code point, so that every database pages in one order. */
const BY_NAME = sql`${labels.name} collate "C"`;

export class LabelRepository {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The label of that name, made where there is none. */
  async ensure(name: string): Promise<LabelRow> {
    const { db } = this.#session;
    await db.insert(labels).values({ id: v7(), name }).onConflictDoNothing({ target: labels.name });
    const [row] = await this.byNames([name]);
    // Deleted by another process between the two statements: make it once more.
    return row ?? this.ensure(name);
  }

  /** Those that exist, by name. */
  async byNames(names: readonly string[]): Promise<LabelRow[]> {
    const found: LabelRow[] = [];
    for (let start = 0; start < names.length; start += CHUNK) {
      const chunk = names.slice(start, start + CHUNK);
      found.push(...(await this.#select().where(inArray(labels.name, chunk)).orderBy(asc(BY_NAME))));
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** By name; at most `limit` after `afterName`. */
  async list(options: { afterName?: string; limit: number }): Promise<LabelRow[]> {
    const after =
      options.afterName === undefined ? undefined : gt(BY_NAME, sql`${options.afterName} collate "C"`);
    return this.#select().where(after).orderBy(asc(BY_NAME)).limit(options.limit);
  }

  async count(): Promise<number> {
    return (await this.#session.db.select({ n: count() }).from(labels))[0]?.n ?? 0;
  }

  /** Ids of the label's example clips, ascending. */
  async exampleIds(labelId: string): Promise<string[]> {
    const rows = await this.#session.db
      .select({ id: labelExamples.clipId })
      .from(labelExamples)
      .where(eq(labelExamples.labelId, labelId))
      .orderBy(asc(labelExamples.clipId));
    return rows.map((row) => row.id);
  }

  /**
   * Makes clips examples of the label, which is made where there is none; those that are already stay. To be run in a
   * transaction.
   *
   * @returns how many came, or the ids that no clip has; then nothing was changed
   */
  async addExamples(
    name: string,
    clipIds: readonly string[],
  ): Promise<{ added: number } | { unknown: string[] }> {
    const ids = [...new Set(clipIds.map((id) => id.toLowerCase()))].sort();
    const unknown = await this.#lockClips(ids);
    if (unknown.length > 0) return { unknown };
    const label = await this.#lockedLabel(name);
    let added = 0;
    for (let start = 0; start < ids.length; start += CHUNK) {
      const rows = await this.#session.db
        .insert(labelExamples)
        .values(ids.slice(start, start + CHUNK).map((clipId) => ({ labelId: label.id, clipId })))
        .onConflictDoNothing()
        .returning({ id: labelExamples.clipId });
      added += rows.length;
    }
    if (added > 0) await forgetPrototypes(this.#session, [label.id]);
    return { added };
  }

  /** Takes clips out of the label's examples; answers how many went. To be run in a transaction. */
  async removeExamples(labelId: string, clipIds: readonly string[]): Promise<number> {
    await lockLabels(this.#session, [labelId]);
    const ids = clipIds.filter((id) => validate(id));
    let removed = 0;
    for (let start = 0; start < ids.length; start += CHUNK) {
      const chunk = inArray(labelExamples.clipId, ids.slice(start, start + CHUNK));
      const rows = await this.#session.db
        .delete(labelExamples)
        .where(and(eq(labelExamples.labelId, labelId), chunk))
        .returning({ id: labelExamples.clipId });
      removed += rows.length;
    }
    if (removed > 0) await forgetPrototypes(this.#session, [labelId]);
    return removed;
  }

  /** True when there was one. Its examples stay clips of the catalog. */
  async delete(name: string): Promise<boolean> {
    const gone = await this.#session.db
      .delete(labels)
      .where(eq(labels.name, name))
      .returning({ id: labels.id });
    return gone.length > 0;
  }

  /** The label's row, held until the transaction ends. */
  async #lockedLabel(name: string): Promise<LabelRow> {
    const label = await this.ensure(name);
    const locked = await lockLabels(this.#session, [label.id]);
    return locked.length > 0 ? label : this.#lockedLabel(name);
  }

  /** Keeps the clips from being deleted or embedded anew meanwhile. @returns the ids that no clip has */
  async #lockClips(ids: readonly string[]): Promise<string[]> {
    const known = new Set<string>();
    const valid = ids.filter((id) => validate(id));
    for (let start = 0; start < valid.length; start += CHUNK) {
      const rows = await this.#session.db
        .select({ id: clips.id })
        .from(clips)
        .where(inArray(clips.id, valid.slice(start, start + CHUNK)))
        .orderBy(asc(clips.id))
        .for('key share');
      for (const { id } of rows) known.add(id);
    }
    return ids.filter((id) => !known.has(id));
  }

  #select() {
    const examples = sql<number>`(select count(*)::int from ${labelExamples} where ${labelExamples.labelId} = ${labels.id})`;
    return this.#session.db
      .select({ id: labels.id, name: labels.name, examples, createdAt: labels.createdAt })
      .from(labels)
      .$dynamic();
  }
}
