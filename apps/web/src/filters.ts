/** The two filters: every collection that the server has, and the tags of the clips seen so far. */
import type { Clip, Collection } from '#catalog/catalog-service';
import type { Filter } from './api.ts';
import { byId, element } from './element.ts';

const collections = new Set<string>();
const tags = new Set<string>();

export function currentFilter(): Filter {
  return { collection: select('collection').value, tag: select('tag').value };
}

export function onFilterChange(listener: () => void): void {
  for (const id of ['collection', 'tag']) select(id).addEventListener('change', listener);
  fill('collection', collections);
  fill('tag', tags);
}

/** Takes the place of what was offered before. */
export function offerCollections(known: readonly Collection[]): void {
  collections.clear();
  for (const { name } of known) collections.add(name);
  fill('collection', collections);
}

export function offerChoices(clips: readonly Clip[]): void {
  for (const clip of clips) {
    collections.add(clip.collection);
    for (const tag of clip.tags) tags.add(tag);
  }
  fill('collection', collections);
  fill('tag', tags);
}

function fill(id: string, values: ReadonlySet<string>): void {
  const node = select(id);
  const chosen = node.value;
  // What is chosen stays a choice, though the last clip that had it may be gone.
  const options = [...new Set([...values, ...(chosen === '' ? [] : [chosen])])]
    .sort()
    .map((value) => element('option', { value }, value));
  node.replaceChildren(element('option', { value: '' }, 'all'), ...options);
  node.value = chosen;
  (node.parentElement as HTMLElement).hidden = values.size < 2 && chosen === '';
}

function select(id: string): HTMLSelectElement {
  return byId<HTMLSelectElement>(id);
}
