/**
 * Asking for another model, taking that back, and clearing away what a former one left. What was asked for stands in
 * the database with the job that does it, written in one transaction: the work itself is `changeModel`'s.
 */
import { asEarshotError, EarshotError } from '#core/errors';
import type { Database, Session } from '#store/database';
import type { VectorIndex } from '#store/index/vector-index';
import type { JobQueue } from '#store/queue';
import { ClipRepository } from '#store/repositories/clips';
import { EmbeddingRepository } from '#store/repositories/embeddings';
import { JobRepository, type JobRow } from '#store/repositories/jobs';
import { type ModelCollection, ModelRepository } from '#store/repositories/models';
import { OutboxRepository } from '#store/repositories/outbox';
import type { ActiveModel } from '../active-model.ts';
import type { ModelUse } from '../catalog-service.ts';
import { toJob } from '../clip-view.ts';
import { type JobEvents, MODEL_QUEUE, type ModelPayload } from '../jobs.ts';
import type { OpenModels } from './open-models.ts';

export interface ModelChangesParts {
  database: Database;
  index: VectorIndex;
  queue: JobQueue;
  events: JobEvents;
  models: OpenModels;
}

/** Name in the vector index that always means the live model's collection. */
export const INDEX_ALIAS = 'earshot';

const CHANGE_LOCK = 0x4541_524d;

/** Until the transaction ends, no change of models begins, ends or is taken back anywhere else. */
export async function lockChanges(session: Session): Promise<void> {
  await session.executeSql('select pg_advisory_xact_lock($1)', [CHANGE_LOCK]);
}

export class ModelChanges {
  readonly #parts: ModelChangesParts;

  constructor(parts: ModelChangesParts) {
    this.#parts = parts;
  }

  /**
   * Begins the change to the model, or finds it under way; any other one is taken back. Of the model in use the job is the
   * one that embeds what it has not embedded yet, where anything is left.
   *
   * @throws EarshotError what loading the model says (`model_invalid`, `checkpoint_invalid`, ...), `index_unavailable`
   */
  async use(model: ActiveModel): Promise<ModelUse> {
    const { models, queue, events } = this.#parts;
    // A model that doesn't load is refused here, and the one in use stays in use.
    await models.open(model).pool.warmUp();
    const { job, cancelled } = await this.#locked(async (session) => {
      const rows = await new ModelRepository(session).list();
      const row = rows.find(({ collection }) => collection === model.indexCollection);
      const underWay = await new JobRepository(session).unfinished('model');
      if (row?.state === 'building' && underWay) return { job: underWay, cancelled: null };
      const cancelled = await this.#takeBack(rows, row, underWay, session);
      if (row?.state === 'live') {
        const filling = cancelled === null ? underWay : null;
        return { job: filling ?? (await this.#fill(row, session)), cancelled };
      }
      await this.#startAfresh(model, row, session);
      return { job: await this.#enqueue(model.indexCollection, session), cancelled };
    });
    if (cancelled) events.changed(cancelled.id);
    queue.wake(MODEL_QUEUE);
    return { model: { ...model.identity }, job: job && toJob(job) };
  }

  /** Makes the model live at once, clips or no clips: the first of a catalog, or in place of one that is lost. */
  async adopt(model: ActiveModel): Promise<void> {
    const { index } = this.#parts;
    const { indexCollection, identity } = model;
    await this.#locked(async (session) => {
      const models = new ModelRepository(session);
      const row = await models.get(indexCollection);
      if (row?.state === 'live') return;
      if (row?.state !== 'building') await this.#startAfresh(model, row ?? undefined, session);
      await models.add(indexCollection, identity);
      await models.makeLive(indexCollection);
    });
    // Where another process came first, this one's index may still lack it.
    await index.ensureCollection(indexCollection, identity);
    await index.setAlias(INDEX_ALIAS, indexCollection);
  }

  /** Gives a job to what needs one and has none: a change cut off at its beginning, or clips that lack vectors. */
  async resume(): Promise<void> {
    const { database, queue } = this.#parts;
    const repository = new ModelRepository(database);
    const wanted =
      (await repository.list()).find(({ state }) => state === 'building') ?? (await repository.live());
    if (!wanted) return;
    await this.#locked(async (session) => {
      if ((await new JobRepository(session).unfinished('model')) !== null) return;
      if (wanted.state === 'live') await this.#fill(wanted, session);
      else await this.#enqueue(wanted.collection, session);
    });
    queue.wake(MODEL_QUEUE);
  }

  /**
   * Drops the segments and vectors of retired models, from database and index.
   *
   * @param name of the model, its id or `id@version`; `names` gives the names that models at hand go by
   * @throws EarshotError `model_not_found`, or `conflict` where none of them is retired
   */
  async remove(name: string, names: ReadonlyMap<string, string>): Promise<{ removedPoints: number }> {
    return this.#locked(async (session) => {
      // Whoever still writes vectors of such a model ends first, and nobody begins.
      const rows = await new ModelRepository(session).list({ lock: 'update' });
      const meant = rows.filter(
        ({ collection, model: { id, version } }) =>
          [id, `${id}@${version}`].includes(name) || names.get(collection) === name,
      );
      const retired = meant.filter(({ state }) => state === 'retired');
      if (retired.length === 0) throw nothingToRemove(name, meant[0]);
      let removedPoints = 0;
      for (const { collection, model } of retired) {
        await this.#dropCollection(collection);
        await new OutboxRepository(session).deleteCollection(collection);
        removedPoints += await new EmbeddingRepository(session).deleteModel(model);
        await new ModelRepository(session).delete(collection);
      }
      return { removedPoints };
    });
  }

  #locked<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#parts.database.transaction(async (session) => {
      await lockChanges(session);
      return work(session);
    });
  }

  /** Ends the change under way, unless it fills the live model; answers its job. */
  async #takeBack(
    rows: readonly ModelCollection[],
    target: ModelCollection | undefined,
    underWay: JobRow | null,
    session: Session,
  ): Promise<JobRow | null> {
    for (const { collection } of rows.filter(({ state }) => state === 'building')) {
      if (collection !== target?.collection) await new ModelRepository(session).retire(collection);
    }
    const isChange = rows.some(({ state }) => state === 'building');
    if (underWay === null || (target?.state === 'live' && !isChange)) return null;
    await this.#parts.queue.cancel(MODEL_QUEUE, underWay.id, { session });
    return new JobRepository(session).cancel(underWay.id);
  }

  /**
   * An empty collection for the model: one that was retired has not been told of what changed since, and the vectors
   * that the database kept are written into it anew.
   */
  async #startAfresh(model: ActiveModel, row: ModelCollection | undefined, session: Session): Promise<void> {
    const { indexCollection, identity } = model;
    if (row) {
      await new OutboxRepository(session).deleteCollection(indexCollection);
      await this.#dropCollection(indexCollection);
    }
    await this.#parts.index.ensureCollection(indexCollection, identity);
    await new ModelRepository(session).add(indexCollection, identity);
  }

  /** A job for the clips that the live model has not embedded; null where there are none. */
  async #fill({ collection, model }: ModelCollection, session: Session): Promise<JobRow | null> {
    const lacking = await new ClipRepository(session).idsMissingEmbeddings(model, { limit: 1 });
    return lacking.length === 0 ? null : this.#enqueue(collection, session);
  }

  async #enqueue(collection: string, session: Session): Promise<JobRow> {
    const job = await new JobRepository(session).create({ kind: 'model', clipId: null });
    const payload: ModelPayload = { collection };
    await this.#parts.queue.send(MODEL_QUEUE, payload, { id: job.id, session });
    return job;
  }

  async #dropCollection(collection: string): Promise<void> {
    try {
      await this.#parts.index.dropCollection(collection);
    } catch (error) {
      if (asEarshotError(error).code !== 'not_found') throw error;
    }
  }
}

function nothingToRemove(name: string, meant: ModelCollection | undefined): EarshotError {
  if (!meant) {
    const message = `The catalog keeps no vectors of a model "${name}".`;
    return new EarshotError('model_not_found', message, { subject: name });
  }
  const message =
    meant.state === 'live'
      ? `"${name}" is the model in use: choose another first, with "earshot models use".`
      : `The catalog is changing to "${name}": take that back first, with "earshot models use" and the model in use.`;
  return new EarshotError('conflict', message, { subject: name });
}
