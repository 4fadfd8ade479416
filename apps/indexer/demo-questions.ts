/** The second half of the demonstration: what can be asked of a single clip. */
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
  const { sounding, confidence, maps, film } = found;
  const verdict = sounding ? 'from something in its picture' : 'from nothing in its picture';
  context.print(
    `\nThe sound of "${clip.title}" comes ${verdict} (confidence ${confidence.toFixed(2)}): ${maps.length} maps in ${folder}, as a film in ${film}.`,
  );
}
