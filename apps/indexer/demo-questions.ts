/** The second half of the demonstration: what can be asked of a single clip. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { CatalogService, Clip } from '#catalog/catalog-service';
import type { CommandContext } from './context.ts';

/** Whether a clip's picture goes with its own sound, and with another clip's. */
export async function showCorrespondence(
  catalog: CatalogService,
  clip: Clip,
  other: Clip,
  context: CommandContext,
): Promise<void> {
  const picture = { clipId: clip.id };
  const own = await catalog.correspond({ picture });
  const foreign = await catalog.correspond({ picture, sound: { clipId: other.id } });
  const told = ({ score, probability }: typeof own) =>
    `score ${score.toFixed(2)}${probability === null ? '' : `, probability ${probability.toFixed(2)}`}`;
  context.print(`\nDoes the picture of "${clip.title}" go with its own sound? ${told(own)}`);
  context.print(`With that of "${other.title}"? ${told(foreign)}`);
}

/** Makes one clip of each kind an example of its label, and classifies the others: right answers, and what chance gives. */
export async function showClassification(
  catalog: CatalogService,
  clips: readonly Clip[],
  context: CommandContext,
): Promise<void> {
  const examples = new Map<string, Clip>();
  for (const clip of clips) {
    const [label] = clip.labels;
    if (label !== undefined && !examples.has(label)) examples.set(label, clip);
  }
  for (const [label, { id }] of examples) await catalog.addExamples(label, [id]);
  const labels = [...examples.keys()];
  const taught = new Set([...examples.values()].map(({ id }) => id));
  const asked = clips.filter(({ id }) => !taught.has(id));
  let right = 0;
  for (const { id, labels: own } of asked) {
    const { scores } = await catalog.classify({ subject: { clipId: id }, labels });
    const [best] = [...scores].sort((a, b) => b.probability - a.probability);
    if (best && own.includes(best.label)) right += 1;
  }
  const chance = asked.length / Math.max(1, labels.length);
  context.print(
    `\nWith one example of each of ${labels.length} labels, ${right} of ${asked.length} other clips get the right one (chance: ${chance.toFixed(1)}).`,
  );
}

/** What one would expect to hear of a clip's picture. */
export async function showDescription(
  catalog: CatalogService,
  clip: Clip,
  context: CommandContext,
): Promise<void> {
  const { sentence } = await catalog.describe({ subject: { clipId: clip.id } });
  context.print(`\nOf the picture of "${clip.title}" alone: ${sentence}`);
}

/** Where in a clip's picture its sound comes from; the maps and a film of them go to `folder`. */
export async function showLocalization(
  catalog: CatalogService,
  clip: Clip,
  folder: string,
  context: CommandContext,
): Promise<void> {
  const found = await catalog.localize({ subject: { clipId: clip.id }, folder, overlays: 'film' });
  const { sounding, confidence, maps, sources, film } = found;
  const verdict = sounding ? 'from something in its picture' : 'from nothing in its picture';
  context.print(
    `\nThe sound of "${clip.title}" comes ${verdict} (confidence ${confidence.toFixed(2)}): ${maps.length} maps in ${folder}, as a film in ${film}.`,
  );
  for (const { label, probability } of sources)
    context.print(`Of what sounds there, it names: ${label} (probability ${probability.toFixed(2)}).`);
}

/** What is found of a clip whose sound has been moved by a known time; the copy goes to `folder`. */
export async function showSynchronization(
  catalog: CatalogService,
  file: string,
  folder: string,
  context: CommandContext,
): Promise<void> {
  const LATE_SEC = 0.4;
  const { fixSynchronization } = await import('#catalog/analysis/fix-synchronization');
  await mkdir(folder, { recursive: true });
  const late = path.join(folder, `late-${path.basename(file)}`);
  await fixSynchronization(file, late, { offsetSec: LATE_SEC }, { signal: context.signal });
  const found = async (subject: string) => {
    const { offsetSec, verdict, confidence } = await catalog.synchronize({ file: subject });
    if (offsetSec === null) return 'nothing to go by';
    const where = `${Math.round(Math.abs(1000 * offsetSec))} ms ${offsetSec > 0 ? 'early' : 'late'}`;
    return `${where}, ${verdict.replaceAll('_', ' ')} (confidence ${confidence.toFixed(2)})`;
  };
  context.print(`\nIs the sound of ${path.basename(file)} in sync? Found: ${await found(file)}`);
  context.print(`A copy of it with the sound ${1000 * LATE_SEC} ms late? Found: ${await found(late)}`);
}

/** The sounds of the left and of the right half of a picture in which two things sound; the files go to `folder`. */
export async function showSeparation(
  catalog: CatalogService,
  file: string,
  folder: string,
  context: CommandContext,
): Promise<void> {
  context.print(`\nWhat sounds in the left half of ${path.basename(file)}, and what in the right?`);
  for (const [side, x] of [
    ['left', 0],
    ['right', 0.5],
  ] as const) {
    const region = { x, y: 0, width: 0.5, height: 1 };
    const { target, picture, targetShare } = await catalog.separate(
      { mixture: { file }, region },
      path.join(folder, side),
      { signal: context.signal },
    );
    const share = `${(100 * targetShare).toFixed(0)} % of the energy`;
    context.print(`${side.padEnd(5)} ${share}: ${shown(target)}, spectrograms in ${shown(picture)}`);
  }
}

function shown(file: string): string {
  return path.relative(process.cwd(), file);
}
