/**
 * Which collections and aliases there are, for the adapters whose engine has no catalogue of its own. Each change
 * is handed to `persist` before it counts, so that a failed write leaves the old state in force.
 */
import { EarshotError } from '#core/errors';
import { checkModelIdentity, checkName, checkSameModel } from './validation.ts';
import type { ModelIdentity } from './vector-index.ts';

export interface NamedCollection {
  model: ModelIdentity;
  /** Never used twice, so that remains of a dropped collection can't reappear in a new one of its name. */
  serial: number;
}

export interface CollectionNamesState {
  nextSerial: number;
  collections: Record<string, NamedCollection>;
  aliases: Record<string, string>;
}

/** Codes: `not_found`, `model_mismatch`, `conflict` (a name can't be an alias and a collection at once). */
export class CollectionNames {
  #state: CollectionNamesState;
  readonly #persist: (state: CollectionNamesState) => void;

  constructor(
    state: CollectionNamesState = { nextSerial: 1, collections: {}, aliases: {} },
    persist: (state: CollectionNamesState) => void = () => {},
  ) {
    this.#state = state;
    this.#persist = persist;
  }

  /** Collection names, ascending. */
  list(): string[] {
    return Object.keys(this.#state.collections).sort();
  }

  /** The collection that a collection's name or an alias means. */
  resolve(nameOrAlias: string): { name: string } & NamedCollection {
    const name = this.aliasTarget(nameOrAlias) ?? nameOrAlias;
    const collection = Object.hasOwn(this.#state.collections, name)
      ? this.#state.collections[name]
      : undefined;
    if (collection === undefined) {
      throw new EarshotError('not_found', `The vector index has no collection or alias "${nameOrAlias}".`, {
        subject: nameOrAlias,
      });
    }
    return { name, ...collection };
  }

  aliasTarget(alias: string): string | null {
    return Object.hasOwn(this.#state.aliases, alias) ? (this.#state.aliases[alias] ?? null) : null;
  }

  /** Adds the collection unless it is there with this model. */
  ensure(name: string, model: ModelIdentity): void {
    checkName(name);
    checkModelIdentity(model);
    if (this.aliasTarget(name) !== null || Object.hasOwn(this.#state.collections, name)) {
      const known = this.resolve(name);
      checkSameModel(known.name, known.model, model);
      return;
    }
    const { id, version, dimension } = model;
    this.#replace((state) => {
      state.collections[name] = { model: { id, version, dimension }, serial: state.nextSerial };
      state.nextSerial++;
    });
  }

  /** Removes the collection and every alias that means it. */
  drop(nameOrAlias: string): { name: string } & NamedCollection {
    const dropped = this.resolve(nameOrAlias);
    this.#replace((state) => {
      delete state.collections[dropped.name];
      for (const [alias, target] of Object.entries(state.aliases)) {
        if (target === dropped.name) delete state.aliases[alias];
      }
    });
    return dropped;
  }

  setAlias(alias: string, collection: string): void {
    checkName(alias);
    const { name } = this.resolve(collection);
    if (Object.hasOwn(this.#state.collections, alias)) {
      throw new EarshotError('conflict', `"${alias}" is a collection and can't be an alias too.`, {
        subject: alias,
      });
    }
    this.#replace((state) => {
      state.aliases[alias] = name;
    });
  }

  #replace(change: (state: CollectionNamesState) => void): void {
    const next = structuredClone(this.#state);
    change(next);
    this.#persist(next);
    this.#state = next;
  }
}
