/** A run as a picture: the loss and its terms above, recall on the validation clips below, over the steps. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type RunLog, readRunLog } from './run-log.ts';

interface Series {
  name: string;
  colour: string;
  points: { step: number; value: number }[];
  dashed?: boolean;
}

const WIDTH = 860;
const PANEL_HEIGHT = 250;
const MARGIN = { left: 64, right: 170, top: 34, bottom: 40 };
/** Points of a curve: more than this are averaged, or noise hides the course. */
const MAX_POINTS = 240;
/** Told apart by most colour-blind eyes (Okabe & Ito 2008). */
const COLOURS = ['#000000', '#0072b2', '#d55e00', '#009e73', '#cc79a7'] as const;

/** Writes `plot.svg` beside the log. @returns the file */
export async function plotRun(folder: string): Promise<string> {
  const file = path.join(folder, 'plot.svg');
  await writeFile(file, runPlot(await readRunLog(folder), path.basename(folder)));
  return file;
}

/** The plot as SVG. */
export function runPlot({ steps, evaluations }: RunLog, title: string): string {
  const lastStep = Math.max(1, steps.at(-1)?.step ?? 0, evaluations.at(-1)?.step ?? 0);
  const terms = (['pairs', 'class', 'localization', 'alignment'] as const).filter((term) =>
    steps.some((step) => step.terms?.[term] !== undefined),
  );
  const lossSeries: Series[] = [
    { name: 'loss', colour: COLOURS[0], points: steps.map(({ step, loss }) => ({ step, value: loss })) },
    ...terms.map((term, i) => ({
      name: `term ${term}`,
      colour: COLOURS[i + 1] as string,
      points: steps.map(({ step, terms: values }) => ({ step, value: values?.[term] ?? Number.NaN })),
    })),
  ];
  const score = (name: string, colour: string, of: (e: (typeof evaluations)[number]) => number | null) => ({
    name,
    colour,
    points: evaluations.map((e) => ({ step: e.step, value: of(e) ?? Number.NaN })),
  });
  const scores: Series[] = [
    score('R@1', COLOURS[1], (e) => e.r1),
    score('R@10', COLOURS[2], (e) => e.r10),
    score('class mAP', COLOURS[3], (e) => e.classMap),
    { ...score('R@10 by chance', '#777777', (e) => e.chanceR10), dashed: true },
  ];
  const top = niceTop(Math.max(0, ...lossSeries.flatMap((s) => smooth(s.points).map((p) => p.value))));
  const height = 2 * PANEL_HEIGHT + 30;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>`,
    `<g>${panel('Training loss', lossSeries, lastStep, top)}</g>`,
    `<g transform="translate(0 ${PANEL_HEIGHT})">${panel('Validation', scores, lastStep, 1)}</g>`,
    `<text x="${(WIDTH - MARGIN.right + MARGIN.left) / 2}" y="${height - 12}" text-anchor="middle">step (${escapeXml(title)})</text>`,
    '</svg>\n',
  ].join('\n');
}

function panel(title: string, series: readonly Series[], lastStep: number, top: number): string {
  const right = WIDTH - MARGIN.right;
  const bottom = PANEL_HEIGHT - MARGIN.bottom;
  const x = (step: number) => round(MARGIN.left + ((right - MARGIN.left) * step) / lastStep);
  const y = (value: number) => round(bottom - ((bottom - MARGIN.top) * Math.min(value, top)) / top);
  const parts = [`<text x="${MARGIN.left}" y="${MARGIN.top - 12}" font-weight="bold">${title}</text>`];
  for (const value of ticks(top)) {
    parts.push(
      `<line x1="${MARGIN.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}" stroke="#dddddd"/>`,
      `<text x="${MARGIN.left - 8}" y="${y(value) + 4}" text-anchor="end">${label(value)}</text>`,
    );
  }
  for (const step of ticks(lastStep)) {
    parts.push(
      `<line x1="${x(step)}" x2="${x(step)}" y1="${bottom}" y2="${bottom + 5}" stroke="#555555"/>`,
      `<text x="${x(step)}" y="${bottom + 19}" text-anchor="middle">${label(step)}</text>`,
    );
  }
  parts.push(`<path d="M${MARGIN.left} ${MARGIN.top}V${bottom}H${right}" fill="none" stroke="#555555"/>`);
  const shown = series
    .map((each) => ({ ...each, points: smooth(each.points) }))
    .filter(({ points }) => points.length > 0);
  shown.forEach(({ name, colour, points, dashed }, i) => {
    const dash = dashed ? ' stroke-dasharray="5 4"' : '';
    const path = points.map(({ step, value }) => `${x(step)},${y(value)}`).join(' ');
    const last = points.at(-1)?.value ?? 0;
    const row = MARGIN.top + 6 + 18 * i;
    parts.push(
      points.length > 1
        ? `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.6"${dash}/>`
        : `<circle cx="${x(points[0]?.step ?? 0)}" cy="${y(last)}" r="3" fill="${colour}"/>`,
      `<line x1="${right + 12}" x2="${right + 34}" y1="${row}" y2="${row}" stroke="${colour}" stroke-width="2"${dash}/>`,
      `<text x="${right + 40}" y="${row + 4}">${name} ${last.toPrecision(3)}</text>`,
    );
  });
  return parts.join('\n');
}

/** Means of equal runs of points, without those that are no numbers. */
function smooth(points: Series['points']): Series['points'] {
  const finite = points.filter(({ value }) => Number.isFinite(value));
  const run = Math.ceil(finite.length / MAX_POINTS);
  if (run <= 1) return finite;
  return Array.from({ length: Math.ceil(finite.length / run) }, (_, i) => {
    const part = finite.slice(i * run, (i + 1) * run);
    const mean = (of: (point: Series['points'][number]) => number) =>
      part.reduce((sum, point) => sum + of(point), 0) / part.length;
    return { step: mean((point) => point.step), value: mean((point) => point.value) };
  });
}

/** 0 and three to six round numbers up to `top`. */
function ticks(top: number): number[] {
  const step = niceStep(top / 4);
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
}

function niceTop(value: number): number {
  if (value <= 0) return 1;
  const step = niceStep(value / 4);
  return Math.ceil(value / step) * step;
}

/** The next of 1, 2 and 5 times a power of ten. */
function niceStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((factor) => factor * power >= value - 1e-12) ?? 10) * power;
}

function label(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
