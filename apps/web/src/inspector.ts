/** What can be asked of one clip: each question with a button, and its answer in words below the player. */
import type { Clip } from '#catalog/catalog-service';
import { askAbout, thumbnailUrl } from './api.ts';
import { button, byId, element } from './element.ts';
import { playerOf } from './player.ts';
import { type Region, regionPicker } from './region-picker.ts';

interface Question {
  label: string;
  /** Whether it makes sense for this clip. */
  fits(clip: Clip): boolean;
  ask(clip: Clip): Promise<(Node | string)[]>;
}

interface Synchronization {
  offsetSec: number | null;
  confidence: number;
  verdict: 'in_sync' | 'detectable' | 'out_of_sync' | 'not_synchronizable';
  curve: { offsetSec: number; probability: number }[];
}

interface Localization {
  sounding: boolean;
  confidence: number;
  film: string | null;
  sources: { label: string; probability: number }[];
}

interface Separation {
  target: string;
  residual: string;
  picture: string;
  targetShare: number;
}

interface Classification {
  scores: { label: string; probability: number }[];
  verdict: string;
}

const SHOWN_LABELS = 6;

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
  {
    label: 'Is it in sync?',
    fits: hasBoth,
    async ask(clip) {
      const found = await askAbout<Synchronization>('synchronization', clip);
      return [synchronizationSentence(found), ...(found.curve.length > 1 ? [curveOf(found.curve)] : [])];
    },
  },
  {
    label: 'Where does the sound come from?',
    fits: hasBoth,
    async ask(clip) {
      const found = await askAbout<Localization>('localize', clip, { overlays: 'film' });
      const { sounding, confidence, film, sources } = found;
      const verdict = sounding
        ? `Something in the picture makes this sound (${percent(confidence)} sure).`
        : `Nothing in the picture seems to make this sound (confidence ${percent(confidence)}).`;
      const named = sources.map(({ label, probability }) => `${label} (${percent(probability)})`);
      const lines = named.length > 0 ? [verdict, `It sounds like ${named.join(', ')}.`] : [verdict];
      if (film === null) return lines;
      return [...lines, element('video', { src: film, controls: true, playsinline: true, autoplay: true })];
    },
  },
  {
    label: 'Pull a sound out',
    fits: hasBoth,
    async ask(clip) {
      return separationOf(clip);
    },
  },
  {
    label: 'Which label fits?',
    fits: () => true,
    async ask(clip) {
      const { scores, verdict } = await askAbout<Classification>('classify', clip);
      return [
        verdict === 'unknown' ? 'None of the labels is near.' : `${verdict}.`,
        ...[...scores]
          .sort((a, b) => b.probability - a.probability)
          .slice(0, SHOWN_LABELS)
          .map(({ label, probability }) => bar(label, probability)),
      ];
    },
  },
  {
    label: 'What would one hear?',
    fits: (clip) => clip.modalities.includes('video'),
    async ask(clip) {
      return [(await askAbout<{ sentence: string }>('describe', clip)).sentence];
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
  answer.replaceChildren(waiting());
  const lines = await linesOf(() => question.ask(clip));
  if (turn === asked) answer.replaceChildren(element('h3', {}, question.label), ...lines);
}

function waiting(): HTMLElement {
  return element('p', { class: 'hint' }, 'Looking and listening…');
}

/** An answer's lines, or the sentence of its failure. */
async function linesOf(ask: () => Promise<(Node | string)[]>): Promise<Node[]> {
  try {
    const found = await ask();
    return found.map((each) => (typeof each === 'string' ? element('p', {}, each) : each));
  } catch (error) {
    return [element('p', { class: 'fault' }, (error as Error).message)];
  }
}

/** A picture to point in, and below it what was pulled out. */
function separationOf(clip: Clip): Node[] {
  const picker = regionPicker(thumbnailUrl(clip), `A frame of ${clip.title}`);
  const stems = element('div', { 'aria-live': 'polite' });
  const separate = async () => {
    go.disabled = true;
    stems.replaceChildren(waiting());
    stems.replaceChildren(...(await linesOf(() => askForStems(clip, picker.region()))));
    go.disabled = false;
  };
  const go = button('Pull it out', 'primary', () => void separate());
  const hint = 'Draw a box around the thing you want to hear; without one, all that is seen counts.';
  return [element('p', { class: 'hint' }, hint), picker.node, element('p', {}, go), stems];
}

async function askForStems(clip: Clip, region: Region | undefined): Promise<(Node | string)[]> {
  const found = await askAbout<Separation>('separate', clip, region ? { region } : {});
  return [
    `${percent(found.targetShare)} of the energy is its sound:`,
    element('audio', { src: found.target, controls: true }),
    'The rest:',
    element('audio', { src: found.residual, controls: true }),
    element('img', { src: found.picture, alt: 'Spectrograms of mixture, mask, sound and rest' }),
  ];
}

function percent(part: number): string {
  if (part > 0 && part < 0.001) return 'under 0.1 %';
  if (part < 1 && part > 0.999) return 'over 99.9 %';
  return `${(100 * part).toFixed(part < 0.01 || part > 0.99 ? 1 : 0)} %`;
}

function synchronizationSentence({ offsetSec, confidence, verdict }: Synchronization): string {
  if (offsetSec === null || verdict === 'not_synchronizable')
    return 'There is nothing in this clip to tell its timing by.';
  const ms = Math.round(Math.abs(offsetSec) * 1000);
  const where = offsetSec > 0 ? `${ms} ms early` : `${ms} ms late`;
  const words = { in_sync: 'in sync', detectable: 'noticeably off', out_of_sync: 'out of sync' };
  return `The sound is ${ms < 1 ? 'on time' : where}: ${words[verdict]} (${percent(confidence)} sure).`;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Probability over the offsets that were tried, as a line. */
function curveOf(curve: Synchronization['curve']): SVGSVGElement {
  const [width, height] = [400, 70];
  const offsets = curve.map(({ offsetSec }) => offsetSec);
  const [first, last] = [Math.min(...offsets), Math.max(...offsets)];
  const top = Math.max(...curve.map(({ probability }) => probability), 1e-9);
  const x = (sec: number) => ((sec - first) / (last - first || 1)) * width;
  const points = curve.map(
    ({ offsetSec, probability }) => `${x(offsetSec)},${height - (probability / top) * (height - 4)}`,
  );
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('class', 'curve');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `Probability of each offset from ${first} to ${last} seconds`);
  const line = document.createElementNS(SVG, 'polyline');
  line.setAttribute('points', points.join(' '));
  const middle = document.createElementNS(SVG, 'line');
  for (const [name, value] of Object.entries({ x1: x(0), x2: x(0), y1: 0, y2: height }))
    middle.setAttribute(name, String(value));
  svg.append(middle, line);
  return svg;
}

function bar(label: string, share: number): HTMLElement {
  const mark = element('span', { class: 'bar' }, element('i'));
  mark.style.setProperty('--share', `${100 * share}%`);
  return element(
    'p',
    { class: 'score' },
    mark,
    element('span', {}, label),
    element('span', { class: 'hint' }, percent(share)),
  );
}
