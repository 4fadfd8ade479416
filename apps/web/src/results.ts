/** The results of a search, with what was searched for beside them. */
import type { Clip, Modality, SearchPage, SearchResult } from '#catalog/catalog-service';
import { type Filter, mediaUrl, searchByClip, searchByFile } from './api.ts';
import { chipsOf } from './clip-card.ts';
import { button, byId, clock, element } from './element.ts';
import { playerOf, playTogether, type Source } from './player.ts';
import { waveformOf } from './waveform.ts';

/** A clip of the catalog, or a file that the page was given. */
export type Query = { clip: Clip } | { file: File };

export interface ResultActions {
  /** Searches on from a result, the other way round. */
  again(clip: Clip, target: Modality): void;
  leave(): void;
}

interface Search {
  query: Query;
  target: Modality;
  filter: Filter;
  source: Source;
}

/** Searches and shows what is found. */
export async function showResults(
  query: Query,
  target: Modality,
  filter: Filter,
  actions: ResultActions,
): Promise<void> {
  const panel = byId('results');
  panel.hidden = false;
  const search = { query, target, filter, source: sourceOf(query) };
  const list = element('ol', { class: 'found' });
  const status = element('p', { class: 'hint' }, 'Searching…');
  panel.replaceChildren(headingOf(search, actions), status, list);
  scrollTo({ top: 0 });
  const loadPage = async (cursor: string | null): Promise<void> => {
    const page = await ('clip' in query
      ? searchByClip(query.clip, target, filter, cursor)
      : searchByFile(query.file, target, filter, cursor));
    for (const result of page.results) list.append(resultItem(result, search, actions));
    status.textContent = summaryOf(page, list.children.length);
    const { nextCursor } = page;
    if (nextCursor !== null) {
      const more = button('Show more', 'more', () => {
        more.remove();
        loadPage(nextCursor).catch((error: Error) => {
          status.textContent = error.message;
        });
      });
      panel.append(more);
    }
  };
  try {
    await loadPage(null);
  } catch (error) {
    status.textContent = (error as Error).message;
    status.className = 'fault';
  }
}

export function hideResults(): void {
  const panel = byId('results');
  panel.hidden = true;
  panel.replaceChildren();
}

function headingOf({ query, target }: Search, actions: ResultActions): HTMLElement {
  const title = 'clip' in query ? query.clip.title : query.file.name;
  const what = target === 'audio' ? 'Sounds for the picture of' : 'Footage for the sound of';
  return element(
    'div',
    { class: 'heading' },
    element('h1', {}, `${what} “${title}”`),
    element('span', { class: 'spacer' }),
    button('Back to all clips', 'quiet', actions.leave),
  );
}

function resultItem(result: SearchResult, search: Search, actions: ResultActions): HTMLElement {
  const { clip, segment, score } = result;
  const bar = element('span', { class: 'bar' }, element('i'));
  bar.style.setProperty('--share', `${Math.max(0, Math.min(1, score)) * 100}%`);
  const found = { title: clip.title, url: mediaUrl(clip), startSec: segment.startSec };
  const together = button('Play together', 'primary', () => {
    if (search.target === 'audio') playTogether(search.source, found);
    else playTogether(found, search.source);
  });
  const onwards = search.target === 'audio' ? 'Footage for this sound' : 'Sounds for this picture';
  const back = button(onwards, '', () => actions.again(clip, search.target === 'audio' ? 'video' : 'audio'));
  const span = `${clock(segment.startSec)} – ${clock(segment.endSec)}`;
  return element(
    'li',
    { class: 'card' },
    playerOf(clip, segment),
    clip.modalities.length === 2 ? waveformOf(clip, segment) : null,
    element(
      'div',
      { class: 'body' },
      element('h2', { title: clip.fileName }, clip.title),
      element(
        'p',
        { class: 'score' },
        bar,
        element('span', { title: 'Cosine similarity' }, score.toFixed(3)),
        element('span', { class: 'hint' }, span),
      ),
      chipsOf(clip),
      element('div', { class: 'actions' }, together, back),
    ),
  );
}

function summaryOf(page: SearchPage, shown: number): string {
  if (shown === 0) return 'Nothing found. A filter may be in the way.';
  const total = page.totalIsLowerBound ? `more than ${page.total}` : String(page.total);
  return `${shown} of ${total}, best first, in ${Math.round(page.tookMs)} ms`;
}

function sourceOf(query: Query): Source {
  if ('clip' in query) return { title: query.clip.title, url: mediaUrl(query.clip), startSec: 0 };
  return { title: query.file.name, url: URL.createObjectURL(query.file), startSec: 0 };
}
