/**
 * Which model a process begins with. The database decides: every process on it answers with the same model, whatever
 * its environment says. `EARSHOT_MODEL` names the first model of a catalog.
 */
import type { Logger } from 'pino';
import { asEarshotError, EarshotError } from '#core/errors';
import type { Database } from '#store/database';
import type { VectorIndex } from '#store/index/vector-index';
import { ClipRepository } from '#store/repositories/clips';
import { type ModelCollection, ModelRepository } from '#store/repositories/models';
import type { ActiveModel } from '../active-model.ts';
import { type CatalogConfig, DEFAULT_MODEL } from '../config.ts';
import { INDEX_ALIAS, type ModelChanges } from './model-changes.ts';
import type { OpenModels } from './open-models.ts';

export interface ChooseModelParts {
  database: Database;
  index: VectorIndex;
  models: OpenModels;
  changes: ModelChanges;
  config: CatalogConfig;
  logger: Logger;
  /** What EARSHOT_MODEL names, or why that can't be had. */
  configured: ActiveModel | EarshotError;
  /** Taken where the files of the live model are lost. */
  instead: ActiveModel | null;
}

/**
 * Sees to it that there is a live model, and that this machine has it. Where an upgrade has put another version in its
 * place, that one goes live at once: nothing is left that could embed a query for the version before.
 *
 * @throws EarshotError `model_not_found`, `model_invalid`, `index_unavailable`
 */
export async function chooseModel(parts: ChooseModelParts): Promise<void> {
  await choose(parts);
  await tellIfLacking(parts);
}

async function choose(parts: ChooseModelParts): Promise<void> {
  const { database, index, changes, configured } = parts;
  const live = await new ModelRepository(database).live();
  if (live === null) {
    if (configured instanceof EarshotError) throw configured;
    await changes.adopt(configured);
    return;
  }
  const lost = await reasonLost(live, parts);
  if (lost !== null) {
    const successor = parts.instead ?? sameModel(live, configured);
    if (successor === null) throw lost;
    parts.logger.warn(
      { from: live.model, to: successor.identity },
      'the files of the model in use are gone: another is',
    );
    await changes.adopt(successor);
    return;
  }
  await index.ensureCollection(live.collection, live.model);
  // A process killed between the two steps of a change leaves the alias behind.
  if ((await index.resolveAlias(INDEX_ALIAS)) !== live.collection)
    await index.setAlias(INDEX_ALIAS, live.collection);
  tellIfIgnored(live, parts);
}

async function reasonLost(live: ModelCollection, { models }: ChooseModelParts): Promise<EarshotError | null> {
  try {
    await models.of(live);
    return null;
  } catch (thrown) {
    const error = asEarshotError(thrown);
    if (error.code === 'model_not_found') return error;
    throw error;
  }
}

/** The configured model where it is another version of the live one. */
function sameModel(live: ModelCollection, configured: ActiveModel | EarshotError): ActiveModel | null {
  return configured instanceof EarshotError || configured.identity.id !== live.model.id ? null : configured;
}

/** Until every clip is embedded with the live model, searches miss some. */
async function tellIfLacking({ database, logger }: ChooseModelParts): Promise<void> {
  const live = await new ModelRepository(database).live();
  const clips = live === null ? 0 : await new ClipRepository(database).countMissingEmbeddings(live.model);
  if (live === null || clips === 0) return;
  logger.warn(
    { model: live.model, clips },
    `clips are not embedded with the model in use yet, and can't be found: a running server or worker does it, or "earshot models use ${live.model.id}"`,
  );
}

function tellIfIgnored(live: ModelCollection, { config, configured, logger }: ChooseModelParts): void {
  const isLive = !(configured instanceof EarshotError) && configured.indexCollection === live.collection;
  if (isLive || config.model === DEFAULT_MODEL) return;
  logger.warn(
    { EARSHOT_MODEL: config.model, model: live.model },
    'EARSHOT_MODEL names another model than this catalog uses: change it with "earshot models use"',
  );
}
