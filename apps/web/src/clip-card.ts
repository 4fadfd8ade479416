/** One clip in the grid. */
import type { Clip, Modality } from '#catalog/catalog-service';
import { button, element } from './element.ts';
import { playerOf } from './player.ts';
import { waveformOf } from './waveform.ts';

export interface CardActions {
  search(clip: Clip, target: Modality): void;
  inspect(clip: Clip): void;
  remove(clip: Clip): void;
}

export function clipCard(clip: Clip, actions: CardActions): HTMLElement {
  const hasSound = clip.modalities.includes('audio');
  const hasPicture = clip.modalities.includes('video');
  const isReady = clip.status === 'indexed';
  const buttons = element('div', { class: 'actions' });
  if (isReady && hasPicture) {
    buttons.append(button('Sounds for this picture', '', () => actions.search(clip, 'audio')));
  }
  if (isReady && hasSound) {
    buttons.append(button('Footage for this sound', '', () => actions.search(clip, 'video')));
  }
  if (isReady) buttons.append(button('Ask about it', 'quiet', () => actions.inspect(clip)));
  const remove = button('Delete', 'quiet danger', () => actions.remove(clip));
  remove.setAttribute('aria-label', `Delete ${clip.title}`);
  return element(
    'article',
    { class: 'card', 'aria-label': clip.title },
    playerOf(clip),
    hasSound && hasPicture ? waveformOf(clip) : null,
    element(
      'div',
      { class: 'body' },
      element('div', { class: 'row' }, element('h2', { title: clip.fileName }, clip.title), remove),
      chipsOf(clip),
      isReady ? null : statusOf(clip),
      buttons,
    ),
  );
}

/** Collection, modalities where one is missing, and tags. */
export function chipsOf(clip: Clip): HTMLElement {
  const row = element('p', { class: 'chips' }, element('span', { class: 'chip' }, clip.collection));
  if (!clip.modalities.includes('video')) row.append(element('span', { class: 'chip' }, 'sound only'));
  if (!clip.modalities.includes('audio')) row.append(element('span', { class: 'chip' }, 'silent'));
  for (const tag of clip.tags) row.append(element('span', { class: 'chip tag' }, tag));
  return row;
}

function statusOf(clip: Clip): HTMLElement {
  if (clip.status === 'failed') {
    return element('p', { class: 'fault' }, clip.error?.message ?? 'It could not be indexed.');
  }
  return element('p', { class: 'hint' }, 'Being indexed…');
}
