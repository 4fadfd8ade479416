/** The picture of a clip that becomes its player on a click, and picture and sound of two clips played together. */
import type { Clip } from '#catalog/catalog-service';
import { mediaUrl, thumbnailUrl } from './api.ts';
import { button, byId, clock, element } from './element.ts';
import { waveformOf } from './waveform.ts';

export interface Span {
  startSec: number;
  endSec: number;
}

/** Picture or sound to play: of a clip, or of a file that was dropped. */
export interface Source {
  title: string;
  url: string;
  startSec: number;
}

/** @param span part to show and to begin at */
export function playerOf(clip: Clip, span?: Span): HTMLElement {
  const hasPicture = clip.modalities.includes('video');
  const stage = element('div', { class: hasPicture ? 'stage' : 'stage sound' });
  const cover = element('button', { type: 'button', class: 'cover', 'aria-label': `Play ${clip.title}` });
  if (hasPicture) {
    const middle = span && (span.startSec + span.endSec) / 2;
    cover.append(element('img', { src: thumbnailUrl(clip, middle), alt: '', loading: 'lazy' }));
  } else {
    cover.append(waveformOf(clip, span));
  }
  cover.append(element('span', { class: 'play', 'aria-hidden': 'true' }));
  if (clip.durationSec !== null) cover.append(element('span', { class: 'time' }, clock(clip.durationSec)));
  cover.addEventListener('click', () => {
    // Media fragments begin at the segment and stop at its end; playing on is one click more.
    const fragment = span ? `#t=${span.startSec.toFixed(2)},${span.endSec.toFixed(2)}` : '';
    const kind = hasPicture ? 'video' : 'audio';
    const media = element(kind, { src: mediaUrl(clip) + fragment, controls: true, playsinline: true });
    stage.replaceChildren(media);
    void media.play().catch(() => undefined);
  });
  stage.append(cover);
  return stage;
}

/** Plays the picture of one with the sound of another: the point of looking for either. */
export function playTogether(picture: Source, sound: Source): void {
  const dialog = byId<HTMLDialogElement>('together');
  const video = element('video', {
    src: `${picture.url}#t=${picture.startSec.toFixed(2)}`,
    playsinline: true,
  });
  video.muted = true;
  const audio = element('audio', { src: `${sound.url}#t=${sound.startSec.toFixed(2)}` });
  const restart = () => {
    video.currentTime = picture.startSec;
    audio.currentTime = sound.startSec;
    void Promise.allSettled([video.play(), audio.play()]);
  };
  const close = button('Close', 'quiet', () => dialog.close());
  const caption = element('p', {}, 'Picture: ', strong(picture.title), '. Sound: ', strong(sound.title), '.');
  const controls = element('div', { class: 'row' }, button('Play again', 'primary', restart), close);
  dialog.replaceChildren(video, audio, caption, controls);
  dialog.onclose = () => dialog.replaceChildren();
  video.onended = () => audio.pause();
  dialog.showModal();
  void Promise.allSettled([video.play(), audio.play()]);
}

function strong(text: string): HTMLElement {
  return element('strong', {}, text);
}
