import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPlot } from '#learning/training/plot-run';
import { openRunLog, readRunLog } from '#learning/training/run-log';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-plot-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const step = (at: number, loss: number) => ({ kind: 'step', step: at, loss, terms: { pairs: loss / 2 } });
const evaluation = (at: number, r10: number) => ({
  kind: 'evaluation',
  ...{ step: at, r1: r10 / 2, r10, classMap: null, chanceR10: 0.1 },
});

async function logOf(lines: object[]) {
  const log = await openRunLog(folder, false);
  for (const line of lines) log(line);
  return readRunLog(folder);
}

/** The points of a curve, by the colour of its line. */
function curve(svg: string, colour: string): [number, number][] {
  const points = new RegExp(`<polyline points="([^"]*)" fill="none" stroke="${colour}"`).exec(svg)?.[1] ?? '';
  return points.split(' ').map((point) => point.split(',').map(Number) as [number, number]);
}

describe('the log of a run', () => {
  it('comes back in order, each step as it was taken last, without a line that was cut off', async () => {
    const log = await openRunLog(folder, false);
    for (const line of [step(1, 4), step(2, 3), evaluation(2, 0.2), step(2, 2.5), step(3, 2)]) log(line);
    await writeFile(path.join(folder, 'log.jsonl'), '{"kind":"step","step":4,"lo', { flag: 'a' });
    const { steps, evaluations } = await readRunLog(folder);
    expect(steps.map(({ step: at, loss }) => [at, loss])).toEqual([
      [1, 4],
      [2, 2.5],
      [3, 2],
    ]);
    expect(evaluations).toHaveLength(1);
  });

  it('is kept on resuming and begun anew without', async () => {
    (await openRunLog(folder, false))(step(1, 4));
    (await openRunLog(folder, true))(step(2, 3));
    expect((await readRunLog(folder)).steps).toHaveLength(2);
    await openRunLog(folder, false);
    expect((await readRunLog(folder)).steps).toHaveLength(0);
  });
});

describe('the plot of a run', () => {
  it('draws loss and recall to scale, with legends and ticks', async () => {
    const log = await logOf([
      ...Array.from({ length: 100 }, (_, i) => step(i + 1, 4 - (3 * i) / 99)),
      ...[20, 60, 100].map((at) => evaluation(at, at / 100)),
    ]);
    const svg = runPlot(log, 'a <run> & more');
    const loss = curve(svg, '#000000');
    expect(loss).toHaveLength(100);
    // Falls in a straight line; y grows downwards.
    const [first, middle, last] = [loss[0], loss[49], loss[99]] as [
      [number, number],
      [number, number],
      [number, number],
    ];
    expect(last[1]).toBeGreaterThan(first[1]);
    expect((first[1] + last[1]) / 2).toBeCloseTo(middle[1], -1);
    const recall = curve(svg, '#d55e00');
    // R@10 of 1 at the last step reaches the top of its panel, above R@1 of one half.
    expect(recall.at(-1)?.[1]).toBe(34);
    expect(curve(svg, '#0072b2').length).toBeGreaterThan(2);
    for (const text of ['Training loss', 'Validation', 'term pairs', 'R@10 by chance', '>100<', '>0.5<'])
      expect(svg).toContain(text);
    expect(svg).not.toContain('class mAP');
    expect(svg).toContain('a &lt;run> &amp; more');
  });

  it('stays small for a long run, and takes one that has hardly begun', async () => {
    const long = await logOf(Array.from({ length: 5000 }, (_, i) => step(i + 1, 1 + 1 / (i + 1))));
    expect(curve(runPlot(long, 'long'), '#000000').length).toBeLessThanOrEqual(240);
    expect(runPlot(await logOf([step(1, 3)]), 'one')).toContain('<circle');
    expect(runPlot(await logOf([]), 'none')).toMatch(/<\/svg>\n$/);
    expect(runPlot(await logOf([]), 'none')).not.toContain('NaN');
  });
});
