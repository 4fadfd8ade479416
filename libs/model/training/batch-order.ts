/** Which clips each step of an epoch sees: a function of the seed and the epoch alone. */
import { SeededRandom } from '#core/random';

export interface OrderOptions {
  seed: number;
  size: number;
  labels?: readonly string[];
  /** Clips of one class that come together, so that a batch is full of near misses; 0 mixes all. */
  classRun: number;
}

/** All clips, shuffled; with `classRun`, in shuffled runs of one class each. */
export function epochOrder({ seed, size, labels, classRun }: OrderOptions, epoch: number): number[] {
  const random = new SeededRandom(`${seed}:epoch:${epoch}`);
  const shuffled = random.shuffle(Array.from({ length: size }, (_, i) => i));
  if (!labels || classRun < 2) return shuffled;
  const byClass = new Map<string, number[]>();
  for (const clip of shuffled) {
    const label = labels[clip] as string;
    const clips = byClass.get(label);
    if (clips) clips.push(clip);
    else byClass.set(label, [clip]);
  }
  const runs: number[][] = [];
  for (const clips of [...byClass].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, list]) => list)) {
    for (let start = 0; start < clips.length; start += classRun)
      runs.push(clips.slice(start, start + classRun));
  }
  return random.shuffle(runs).flat();
}
