/** The grouping network answers the same on ONNX Runtime as on TensorFlow.js. */
import { describe, expect, it } from 'vitest';
import type { FrontEnds } from '#model/checkpoint/manifest';
import { loadEngine } from '#model/engine/engine';
import { YAMNET_LOG_MEL } from '#model/front-ends/log-mel';
import { ParameterStore } from '#model/layers/parameters';
import { GroupingNetwork } from '#model/localization/grouping-network';
import { mapSide } from '#model/localization/localization-input';
import { EVIDENCE_CHANNELS } from '#model/localization/motion-evidence';
import {
  GROUPING_ARRAYS,
  groupingOptions,
  TensorFlowSourceLocalizer,
} from '#model/localization/tensorflow-source-localizer';
import { groupingGraph } from '#model/onnx/grouping-graph';
import { OnnxSourceLocalizer } from '#model/onnx/onnx-source-localizer';
import { MINI_TOWERS, TwoTowerNetwork } from '#model/towers/two-tower';
import { noise, unsettle } from '../onnx/parity.ts';

const FRONT_ENDS: FrontEnds = {
  audio: { ...YAMNET_LOG_MEL, frames: 496, normalization: { mean: -2, deviation: 1.6 } },
  video: {
    rateHz: 12.5,
    width: 96,
    height: 96,
    fit: 'stretch',
    colourEveryFrames: 3,
    normalization: { mean: [0.45, 0.4, 0.5], deviation: [0.25, 0.3, 0.2] },
  },
};
const STEPS = 12;

describe('the grouping network', () => {
  it.each([true, false])('is the same on both engines (grouping: %s)', async (grouping) => {
    const engine = await loadEngine();
    const network = new TwoTowerNetwork(engine, MINI_TOWERS, 3);
    unsettle(network.store, 4);
    const store = new ParameterStore(engine, 5);
    const shape = { width: 16, labels: ['bird', 'dog', 'harp', 'piano', 'violin'], grouping };
    new GroupingNetwork(store, GROUPING_ARRAYS, groupingOptions(MINI_TOWERS, shape));
    unsettle(store, 6);
    const arrays = store.snapshot();
    const reference = new TensorFlowSourceLocalizer(network, FRONT_ENDS, shape, arrays);
    const graph = groupingGraph(network.video, reference.grouping);
    const { tokenWidth } = MINI_TOWERS.audio;
    const serving = await OnnxSourceLocalizer.open(graph, FRONT_ENDS, tokenWidth, 'a test');
    const side = mapSide(FRONT_ENDS.video);
    const input = {
      count: 2,
      frames: noise([2, 96, 96, 3], 7).data,
      evidence: noise([2, side, side, EVIDENCE_CHANNELS], 8).data,
    };
    const steps = noise([STEPS, tokenWidth], 9).data;
    const expected = await reference.logits(input, steps);
    const found = await serving.logits(input, steps);
    expect(found.places).toHaveLength(2 * shape.labels.length * side * side);
    for (const part of ['places', 'heard', 'seen'] as const) {
      const scale = Math.max(1, ...expected[part].map(Math.abs));
      expect(new Set(expected[part]).size).toBeGreaterThan(3);
      const apart = found[part].map((value, i) => Math.abs(value - (expected[part][i] as number)) / scale);
      expect(Math.max(...apart)).toBeLessThan(1e-4);
    }
    expect(arrays.some(({ name }) => name.includes('/assignment/'))).toBe(grouping);
    serving.dispose();
    reference.dispose();
    store.dispose();
    network.dispose();
  });
});
