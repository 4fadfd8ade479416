/** What `earshot train` says at its end: the model, and how it compares with the one before on held-out clips. */
import type { AdaptResult } from '#learning/training/adapt-model';
import type { ModelComparison } from '#learning/training/compare-models';
import type { TrainResult } from '#learning/training/train-model';
import type { CommandContext } from './context.ts';

/** Of a whole model. */
export function report(
  { manifest, result, durationSec, plot }: TrainResult,
  comparison: ModelComparison | null,
  flags: { json?: boolean },
  context: CommandContext,
): void {
  const { id, version, weights } = manifest;
  if (flags.json) {
    const model = { id, version };
    context.printJson({ model, ...result, durationSec, plot, ...(comparison && { comparison }) });
    return;
  }
  context.print(
    `${id} ${version}: ${weights.parameterCount} parameters, ${result.step} steps in ${Math.round(durationSec)} s; best validation score at step ${result.bestStep}`,
  );
  context.print(`Plot: ${plot}`);
  if (!comparison) {
    context.print(`Measure it: earshot evaluate --suite retrieval --model ${id}`);
    return;
  }
  printComparison(comparison, 'train longer or on more clips', context);
  context.print(`Nothing has been switched. To use it: earshot models use ${id}`);
}

/** Of heads on a pretrained model. */
export function reportAdapted(
  { skipped, ...result }: AdaptResult,
  { json, collection, out }: { json?: boolean; collection?: string; out?: string },
  context: CommandContext,
): void {
  const leftOut = Object.entries(skipped).map(([reason, count]) => `${count} ${reason}`);
  if (leftOut.length > 0) context.note(`Left out of ${collection}: ${leftOut.join(', ')}.`);
  if (json) {
    context.printJson(result);
    return;
  }
  const { model, clips, steps, comparison, durationSec } = result;
  context.print(
    `${model.id} ${model.version}: projection heads on ${comparison.before.id}, ${steps} steps on ${clips} clips, ${Math.round(durationSec)} s`,
  );
  printComparison(comparison, 'let it learn from more clips', context);
  context.print(`Nothing has been switched. To use it: earshot models use ${out ?? model.id}`);
}

/** @param remedy what may help where nothing was gained */
function printComparison(
  { n, before, after, results }: ModelComparison,
  remedy: string,
  context: CommandContext,
): void {
  context.print(
    `Recall on the ${n} held-out clips (before: ${before.id} ${before.version}, now: ${after.id}):`,
  );
  context.print(`  ${'metric'.padEnd(18)}  before     now  chance`);
  for (const [metric, scores] of Object.entries(results)) {
    const columns = [scores.before, scores.after, scores.chance].map((value) => value.toFixed(3).padStart(6));
    context.print(`  ${metric.padEnd(18)}  ${columns.join('  ')}`);
  }
  const mean = (of: 'before' | 'after') =>
    Object.values(results).reduce((sum, scores) => sum + scores[of], 0) / Object.keys(results).length;
  if (mean('after') <= mean('before'))
    context.print(`It finds no more than ${before.id}: keep that one, or ${remedy}.`);
}
