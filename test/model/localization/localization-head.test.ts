/** The localization head answers the same on ONNX Runtime as on TensorFlow.js. */
import { describe, expect, it } from 'vitest';
import type { FrontEnds } from '#model/checkpoint/manifest';
import { loadEngine } from '#model/engine/engine';
import { YAMNET_LOG_MEL } from '#model/front-ends/log-mel';
import { ParameterStore } from '#model/layers/parameters';
import { LocalizationHead } from '#model/localization/localization-head';
import { mapSide } from '#model/localization/localization-input';
import { EVIDENCE_CHANNELS } from '#model/localization/motion-evidence';
import { localizationHeadOptions, TensorFlowLocalizer } from '#model/localization/tensorflow-localizer';
import { localizationGraph } from '#model/onnx/localization-graphs';
import { OnnxLocalizer } from '#model/onnx/onnx-localizer';
import { MINI_TOWERS, TwoTowerNetwork } from '#model/towers/two-tower';
import { noise, unsettle } from '../onnx/parity.ts';

const WIDTH = 8;
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

describe('the localization head', () => {
  it('is the same on both engines', async () => {
    const engine = await loadEngine();
    const network = new TwoTowerNetwork(engine, MINI_TOWERS, 3);
    unsettle(network.store, 4);
    const store = new ParameterStore(engine, 5);
    new LocalizationHead(store, 'localization', localizationHeadOptions(MINI_TOWERS, WIDTH));
    unsettle(store, 6);
    const reference = new TensorFlowLocalizer(network, FRONT_ENDS, WIDTH, store.snapshot());
    const graph = localizationGraph(network.video, reference.head);
    const serving = await OnnxLocalizer.open(graph, FRONT_ENDS, 'a test');
    const side = mapSide(FRONT_ENDS.video);
    const input = {
      count: 2,
      frames: noise([2, 96, 96, 3], 7).data,
      evidence: noise([2, side, side, EVIDENCE_CHANNELS], 8).data,
    };
    const direction = noise([MINI_TOWERS.video.embeddingDimension], 9).data;
    const audio = direction.map((value) => value / Math.hypot(...direction));
    const [expected, found] = [await reference.logits(input, audio), await serving.logits(input, audio)];
    expect(found).toHaveLength(2 * side * side);
    const scale = Math.max(1, ...expected.map(Math.abs));
    found.forEach((value, i) => {
      expect(Math.abs(value - (expected[i] as number)) / scale).toBeLessThan(1e-4);
    });
    serving.dispose();
    reference.dispose();
    network.dispose();
  });
});
