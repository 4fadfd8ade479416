/** What the grouping network learns: places go to the classes that are seen there, and maps to those that are heard. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { loadEngine } from '#model/engine/engine';
import { ParameterStore } from '#model/layers/parameters';
import { GroupingNetwork } from '#model/localization/grouping-network';
import { EVIDENCE_CHANNELS } from '#model/localization/motion-evidence';
import { type GroupingTruth, groupingLoss } from '#model/objectives/grouping';
import { Adam } from '#model/training/adam';
import { namedGradients } from '#model/training/named-gradients';

const SIDE = 8;
const CELLS = SIDE * SIDE;
const CLASSES = 3;
const FRAMES = 3;
const STEPS = 4;
const CHANNELS = 4;

/** In frame f class f is on the left and heard, class f + 1 on the right and silent. */
const heardIn = (frame: number) => frame;
const silentIn = (frame: number) => (frame + 1) % CLASSES;
const isLeft = (cell: number) => cell % SIDE < 3;
const isRight = (cell: number) => cell % SIDE >= 5;

const truth: GroupingTruth = {
  heard: new Float32Array(FRAMES * CLASSES),
  seen: new Float32Array(FRAMES * CLASSES),
  places: new Float32Array(FRAMES * CELLS * CLASSES),
  shown: new Float32Array(FRAMES * CELLS * CLASSES),
  pairs: [0, 1, 2].map((frame) => ({ frame, classIndex: heardIn(frame) })),
};
for (let frame = 0; frame < FRAMES; frame++) {
  truth.heard[frame * CLASSES + heardIn(frame)] = 1;
  for (const of of [heardIn(frame), silentIn(frame)]) truth.seen[frame * CLASSES + of] = 1;
  for (let cell = 0; cell < CELLS; cell++) {
    const at = (frame * CELLS + cell) * CLASSES;
    if (isLeft(cell)) truth.places[at + heardIn(frame)] = truth.shown[at + heardIn(frame)] = 1;
    if (isRight(cell)) truth.shown[at + silentIn(frame)] = 1;
  }
}

/** What is seen at a stride: the channel of the class whose place it is, and noise. */
function stage(stride: number, random: SeededRandom): number[] {
  const side = SIDE / stride;
  return Array.from({ length: FRAMES * side * side * CHANNELS }, (_, i) => {
    const channel = i % CHANNELS;
    const cell = Math.floor(i / CHANNELS) % (side * side);
    const frame = Math.floor(i / CHANNELS / (side * side));
    const column = (cell % side) * stride;
    const of = isLeft(column) ? heardIn(frame) : isRight(column + stride - 1) ? silentIn(frame) : -1;
    return (channel === of ? 1 : 0) + random.uniform(-0.1, 0.1);
  });
}

async function learned(grouping: boolean) {
  const engine = await loadEngine();
  const { tf } = engine;
  const random = new SeededRandom(3);
  const store = new ParameterStore(engine, 5);
  const network = new GroupingNetwork(store, 'test', {
    ...{ stageChannels: [CHANNELS, CHANNELS, CHANNELS], stepWidth: CHANNELS, width: 16 },
    ...{ classCount: CLASSES, grouping },
  });
  const sound = Array.from(
    { length: FRAMES * STEPS * CHANNELS },
    (_, i) =>
      (i % CHANNELS === heardIn(Math.floor(i / (STEPS * CHANNELS))) ? 1 : 0) + random.uniform(-0.1, 0.1),
  );
  const tensor = (data: number[], ...shape: number[]) => tf.tensor(data, shape);
  const evidence = Array.from({ length: FRAMES * CELLS * EVIDENCE_CHANNELS }, () => random.uniform(0, 0.1));
  const input = {
    stages: {
      quarter: tensor(stage(1, random), FRAMES, SIDE, SIDE, CHANNELS),
      eighth: tensor(stage(2, random), FRAMES, SIDE / 2, SIDE / 2, CHANNELS),
      map: tensor(stage(4, random), FRAMES, SIDE / 4, SIDE / 4, CHANNELS),
    },
    evidence: tensor(evidence, FRAMES, SIDE, SIDE, EVIDENCE_CHANNELS),
    steps: tensor(sound, FRAMES, STEPS, CHANNELS),
  } as unknown as Parameters<GroupingNetwork['apply']>[0];
  const adam = new Adam(store, { weightDecay: 0 });
  const losses: number[] = [];
  for (let step = 0; step < 45; step++) {
    const { loss, gradients } = namedGradients(engine, store, () =>
      groupingLoss(tf, network, network.apply(input, true), truth),
    );
    adam.update(gradients, 0.02);
    losses.push(loss);
  }
  const { logits, visual } = network.apply(input, true);
  const given = visual.affinity && (tf.softmax(visual.affinity).dataSync() as Float32Array);
  const maps = logits.dataSync() as Float32Array;
  /** Mean over the places that a test chooses, of the class that it names for each frame. */
  const mean = (values: Float32Array, isThere: (cell: number) => boolean, of: (frame: number) => number) => {
    const chosen = [0, 1, 2].flatMap((frame) =>
      [...Array(CELLS).keys()]
        .filter(isThere)
        .map((cell) => values[(frame * CELLS + cell) * CLASSES + of(frame)] as number),
    );
    return chosen.reduce((sum, value) => sum + value, 0) / chosen.length;
  };
  store.dispose();
  return { losses, given, maps, mean };
}

describe('the objective of the grouping network', () => {
  it('gives places to the class that is seen there, silent ones as well, and maps to what is heard', async () => {
    const { losses, given, maps, mean } = await learned(true);
    expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] as number));
    const assigned = given as Float32Array;
    expect(mean(assigned, isLeft, heardIn)).toBeGreaterThan(0.6);
    expect(mean(assigned, isRight, silentIn)).toBeGreaterThan(0.6);
    expect(mean(assigned, isLeft, silentIn)).toBeLessThan(0.3);
    expect(mean(maps, isLeft, heardIn)).toBeGreaterThan(0);
    expect(mean(maps, isRight, silentIn)).toBeLessThan(-1);
  });

  it('has no assignment to learn without grouping', async () => {
    const { losses, given } = await learned(false);
    expect(given).toBeNull();
    expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] as number));
  });
});
