/** The page: a catalog to look through, and searches that go from picture to sound and back. */
import type { Clip, Modality } from '#catalog/catalog-service';
import { activeModel, deleteClip, getClip, listClips, listCollections } from './api.ts';
import { clipCard } from './clip-card.ts';
import { acceptFiles } from './drop.ts';
import { byId } from './element.ts';
import { currentFilter, offerChoices, offerCollections, onFilterChange } from './filters.ts';
import { inspect } from './inspector.ts';
import { hideResults, type Query, showResults } from './results.ts';
import { uploadFiles } from './uploads.ts';

const catalog = byId('catalog');
const grid = byId('grid');
const more = byId<HTMLButtonElement>('more');
const cards = new Map<string, HTMLElement>();
let nextCursor: string | null = null;

function search(query: Query, target: Modality): void {
  catalog.hidden = true;
  attempt(showResults(query, target, currentFilter(), { again: openSearch, leave }));
}

/** Searches by a clip are addresses, so that they can be gone back to, reloaded and passed on. */
function openSearch(clip: Clip, target: Modality): void {
  location.hash = `find=${target}&clip=${clip.id}`;
}

async function followAddress(): Promise<void> {
  const address = new URLSearchParams(location.hash.slice(1));
  const [target, id] = [address.get('find'), address.get('clip')];
  if (id !== null && (target === 'audio' || target === 'video')) search({ clip: await getClip(id) }, target);
  else leave();
}

function leave(): void {
  if (location.hash !== '') history.pushState(null, '', location.pathname);
  hideResults();
  catalog.hidden = false;
}

function show(clip: Clip, place: 'first' | 'last'): void {
  const card = clipCard(clip, {
    search: openSearch,
    inspect,
    remove: (subject) => attempt(remove(subject)),
  });
  const before = cards.get(clip.id);
  if (before) before.replaceWith(card);
  else if (place === 'first') grid.prepend(card);
  else grid.append(card);
  cards.set(clip.id, card);
  byId('empty').hidden = true;
}

async function loadPage(cursor: string | null): Promise<void> {
  const page = await listClips(currentFilter(), cursor);
  if (cursor === null) {
    grid.replaceChildren();
    cards.clear();
  }
  for (const clip of page.items) show(clip, 'last');
  offerChoices(page.items);
  nextCursor = page.nextCursor;
  more.hidden = nextCursor === null;
  byId('empty').hidden = cards.size > 0;
}

async function remove(clip: Clip): Promise<void> {
  if (!confirm(`Delete “${clip.title}” from the catalog?`)) return;
  await deleteClip(clip.id);
  cards.get(clip.id)?.remove();
  cards.delete(clip.id);
  byId('empty').hidden = cards.size > 0;
  await loadCollections();
}

async function loadCollections(): Promise<void> {
  offerCollections(await listCollections());
}

function attempt(work: Promise<void>): void {
  const notice = byId('notice');
  notice.hidden = true;
  work.catch((error: Error) => {
    notice.textContent = error.message;
    notice.hidden = false;
  });
}

function added(clip: Clip): void {
  offerChoices([clip]);
  show(clip, 'first');
}

async function showModel(): Promise<void> {
  const model = await activeModel();
  if (!model) return;
  const chip = byId('model');
  chip.textContent = `model ${model.name}`;
  chip.title = `${model.description} (${model.id}, ${model.version}, ${model.dimension} dimensions)`;
  chip.hidden = false;
}

acceptFiles((action, files) => {
  const [first] = files;
  if (action === 'add') uploadFiles(files, currentFilter().collection, added);
  else if (first) search({ file: first }, action === 'picture' ? 'audio' : 'video');
});
onFilterChange(() => {
  attempt(loadPage(null));
  attempt(followAddress());
});
more.addEventListener('click', () => attempt(loadPage(nextCursor)));
addEventListener('hashchange', () => attempt(followAddress()));
attempt(loadPage(null));
attempt(loadCollections());
attempt(followAddress());
attempt(showModel());
