/** Labels: what scenes are told apart by, shown by example clips. */
import { EarshotError } from '#core/errors';
import { UNKNOWN } from '#model/network/scene';
import type { Database } from '#store/database';
import { LabelRepository, type LabelRow } from '#store/repositories/labels';
import type { Label, Page } from './catalog-service.ts';
import { pageLimit } from './jobs.ts';

const MAX_LABEL_LENGTH = 200;
/** Examples in one request. */
const MAX_CLIP_IDS = 10_000;
const SHOWN_LENGTH = 60;

/** As a message may show it. */
export function shownLabel(name: string): string {
  return name.length > SHOWN_LENGTH ? `${name.slice(0, SHOWN_LENGTH)}…` : name;
}

/**
 * The name as it is stored.
 *
 * @param subject the field that it came in
 * @throws EarshotError `invalid_argument` for a name that can't be one
 */
export function labelName(name: string, subject = 'name'): string {
  const refuse = (why: string): never => {
    throw new EarshotError('invalid_argument', `"${shownLabel(name)}" can't be a label: ${why}.`, {
      subject,
    });
  };
  const trimmed = name.trim().normalize('NFC');
  if (trimmed === '') refuse('it is empty');
  if (trimmed.length > MAX_LABEL_LENGTH)
    refuse(`it has ${trimmed.length} characters, and at most ${MAX_LABEL_LENGTH} are allowed`);
  if (/\p{Cc}/u.test(trimmed)) refuse('it has line breaks or other control characters');
  if (trimmed === UNKNOWN) refuse('that is what the verdict says when no label is near');
  return trimmed;
}

export class LabelService {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** By name. */
  async list(options: { limit?: number; cursor?: string }): Promise<Page<Label>> {
    const limit = pageLimit(options.limit);
    const afterName = options.cursor === undefined ? undefined : decodeCursor(options.cursor);
    const rows = await new LabelRepository(this.#database).list({ afterName, limit: limit + 1 });
    const items = rows.slice(0, limit).map(toLabel);
    const last = items.at(-1);
    return { items, nextCursor: rows.length > limit && last ? encodeCursor(last.name) : null };
  }

  /**
   * Makes clips examples of the label, which is made where there is none: all of them or none.
   *
   * @throws EarshotError `invalid_argument`, `unknown_clip` naming the clips that are not there
   */
  async addExamples(name: string, clipIds: readonly string[]): Promise<Label> {
    const checked = labelName(name);
    checkCount(clipIds);
    const answer = await this.#database.transaction((session) =>
      new LabelRepository(session).addExamples(checked, clipIds),
    );
    if ('unknown' in answer) throw unknownClips(answer.unknown);
    return this.#get(checked);
  }

  /** @throws EarshotError `not_found` for a label that is not there; clips that are no examples are passed over */
  async removeExamples(name: string, clipIds: readonly string[]): Promise<Label> {
    checkCount(clipIds);
    const { id } = await this.#row(name);
    await this.#database.transaction((session) => new LabelRepository(session).removeExamples(id, clipIds));
    return this.#get(name);
  }

  /** @throws EarshotError `not_found` */
  async delete(name: string): Promise<void> {
    if (!(await new LabelRepository(this.#database).delete(name.trim().normalize('NFC'))))
      throw noLabel(name);
  }

  async #get(name: string): Promise<Label> {
    return toLabel(await this.#row(name));
  }

  async #row(name: string): Promise<LabelRow> {
    const [row] = await new LabelRepository(this.#database).byNames([name.trim().normalize('NFC')]);
    if (!row) throw noLabel(name);
    return row;
  }
}

function toLabel({ name, examples, createdAt }: LabelRow): Label {
  return { name, examples, createdAt: createdAt.toISOString() };
}

function noLabel(name: string): EarshotError {
  return new EarshotError('not_found', `There is no label "${shownLabel(name)}".`, { subject: 'name' });
}

function unknownClips(ids: readonly string[]): EarshotError {
  const [first = ''] = ids;
  const more = ids.length > 1 ? ` (and ${ids.length - 1} more)` : '';
  const message = `There is no clip ${shownLabel(first)}${more}: no example was added.`;
  return new EarshotError('unknown_clip', message, { subject: 'clipIds' });
}

function checkCount(clipIds: readonly string[]): void {
  if (clipIds.length <= MAX_CLIP_IDS) return;
  const message = `${clipIds.length} clips are given, and at most ${MAX_CLIP_IDS} at once are allowed.`;
  throw new EarshotError('invalid_argument', message, { subject: 'clipIds' });
}

function encodeCursor(name: string): string {
  return Buffer.from(name).toString('base64url');
}

function decodeCursor(cursor: string): string {
  const name = Buffer.from(cursor, 'base64url').toString('utf8');
  if (name !== '' && encodeCursor(name) === cursor && !name.includes('\0')) return name;
  const message = 'The cursor is not one that a page has answered: leave it out to start again.';
  throw new EarshotError('invalid_argument', message, { subject: 'cursor' });
}
