/** What can be asked of one clip: each question with a button, and its answer in words below the player. */
import type { Clip } from '#catalog/catalog-service';
import { askAbout } from './api.ts';
import { button, byId, element } from './element.ts';
import { playerOf } from './player.ts';

interface Question {
  label: string;
  /** Whether it makes sense for this clip. */
  fits(clip: Clip): boolean;
  ask(clip: Clip): Promise<(Node | string)[]>;
}

const hasBoth = (clip: Clip) => clip.modalities.length === 2;

const QUESTIONS: Question[] = [
  {
    label: 'Does its sound fit?',
    fits: hasBoth,
    async ask(clip) {
      const { score, probability } = await askAbout<{ score: number; probability: number | null }>(
        'correspondence',
        clip,
      );
      const likely = probability === null ? '' : `, ${percent(probability)} likely to belong together`;
      return [`Picture and sound score ${score.toFixed(3)}${likely}.`];
    },
  },
];

/** Opens the dialog on a clip. */
export function inspect(clip: Clip): void {
  const dialog = byId<HTMLDialogElement>('inspector');
  const answer = element('div', { class: 'answer', 'aria-live': 'polite' });
  const questions = QUESTIONS.filter((question) => question.fits(clip)).map((question) =>
    button(question.label, '', () => void show(question, clip, answer)),
  );
  dialog.setAttribute('aria-label', `Questions about ${clip.title}`);
  dialog.replaceChildren(
    element(
      'div',
      { class: 'row' },
      element('h2', {}, clip.title),
      button('Close', 'quiet', () => dialog.close()),
    ),
    playerOf(clip),
    element('div', { class: 'actions' }, ...questions),
    answer,
  );
  dialog.onclose = () => dialog.replaceChildren();
  dialog.showModal();
}

/** Counts the questions that were asked, so that a slow answer does not replace a later one. */
let asked = 0;

async function show(question: Question, clip: Clip, answer: HTMLElement): Promise<void> {
  const turn = ++asked;
  answer.replaceChildren(element('p', { class: 'hint' }, 'Looking and listening…'));
  let found: (Node | string)[];
  try {
    found = await question.ask(clip);
  } catch (error) {
    found = [element('span', { class: 'fault' }, (error as Error).message)];
  }
  if (turn !== asked) return;
  const lines = found.map((each) => (typeof each === 'string' ? element('p', {}, each) : each));
  answer.replaceChildren(element('h3', {}, question.label), ...lines);
}

function percent(part: number): string {
  return `${(100 * part).toFixed(part < 0.01 || part > 0.99 ? 1 : 0)} %`;
}
