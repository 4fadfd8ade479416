/**
 * The models that this process has open. Which of them is live stands in the database and is read for each question,
 * so that all processes on the same stores switch in one step, and a question meets one model from beginning to end.
 */
import { EarshotError } from '#core/errors';
import type { Database } from '#store/database';
import { type ModelCollection, ModelRepository } from '#store/repositories/models';
import type { ActiveModel } from '../active-model.ts';
import type { InferencePool } from '../inference/inference-pool.ts';
import { findModelOfCollection, type ModelReader } from '../models.ts';

export interface OpenModel {
  model: ActiveModel;
  /** Threads that hold the model; they start with the first batch and rest without work. */
  pool: InferencePool;
}

export interface OpenModelsOptions {
  database: Database;
  dataDir: string;
  reader: ModelReader;
  /** The model that EARSHOT_MODEL names; null where it is not there. */
  configured: ActiveModel | null;
  openPool(modelFolder: string): InferencePool;
}

export class OpenModels {
  readonly #options: OpenModelsOptions;
  /** By the collection of the index. A model that is no longer used keeps its place; its threads end by themselves. */
  readonly #open = new Map<string, OpenModel>();

  constructor(options: OpenModelsOptions) {
    this.#options = options;
  }

  /** The model that EARSHOT_MODEL names; null where it is not there. */
  get configured(): ActiveModel | null {
    return this.#options.configured;
  }

  /**
   * The model that answers now.
   * @throws EarshotError `model_not_found` where this machine lacks it, `database_unavailable`
   */
  async live(): Promise<OpenModel> {
    const row = await new ModelRepository(this.#options.database).live();
    if (row === null) throw new EarshotError('internal', 'The catalog has no live model.');
    return this.of(row);
  }

  /** The models that are being filled, to go live when they hold every clip. */
  async building(): Promise<OpenModel[]> {
    const rows = await new ModelRepository(this.#options.database).list();
    return Promise.all(rows.filter(({ state }) => state === 'building').map((row) => this.of(row)));
  }

  /** The model of that collection. @throws EarshotError `model_not_found` */
  async of(row: ModelCollection): Promise<OpenModel> {
    const known = this.#open.get(row.collection);
    return known ?? this.open(await findModelOfCollection(row, this.#options));
  }

  open(model: ActiveModel): OpenModel {
    const known = this.#open.get(model.indexCollection);
    if (known) return known;
    const opened = { model, pool: this.#options.openPool(model.folder) };
    this.#open.set(model.indexCollection, opened);
    return opened;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ pool }) => pool.close()));
  }
}
