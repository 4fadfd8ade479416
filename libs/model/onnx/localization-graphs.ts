/** What the localization head needs of the video tower, alone or with the head on top, as ONNX graphs. */
import type { LocalizationHead } from '../localization/localization-head.ts';
import { EVIDENCE_CHANNELS } from '../localization/motion-evidence.ts';
import { stageChannels, type VideoTower } from '../towers/video-tower.ts';
import { OnnxGraphBuilder, type OnnxValue } from './graph-builder.ts';

/**
 * Input `frames` `[frames, height, width, 3]`; outputs `quarter`, `eighth`, `map` and `positions`, channels last: what
 * the head is trained on.
 *
 * @returns the bytes of the `.onnx` file
 */
export function towerStagesGraph(tower: VideoTower): Uint8Array {
  const graph = new OnnxGraphBuilder('tower-stages');
  const stages = tower.stagesToOnnx(graph, framesInput(graph));
  const [quarterChannels, eighthChannels, mapChannels] = stageChannels(tower.options);
  const put = (name: string, value: OnnxValue, channels: number) =>
    graph.output(name, value, 'float32', ['frames', `${name}_height`, `${name}_width`, channels]);
  const last = (x: OnnxValue) => graph.node('Transpose', [x], { perm: [0, 2, 3, 1] });
  put('quarter', last(stages.quarter), quarterChannels);
  put('eighth', last(stages.eighth), eighthChannels);
  put('map', last(stages.map), mapChannels);
  put('positions', stages.positions, tower.options.embeddingDimension);
  return graph.toBytes();
}

/**
 * Inputs `frames` `[frames, height, width, 3]`, `evidence` `[frames, height / 4, width / 4, channels]` and `audio`
 * `[frames, dimension]`; output `logits` `[frames, height / 4, width / 4]`.
 *
 * @returns the bytes of the `.onnx` file
 */
export function localizationGraph(tower: VideoTower, head: LocalizationHead): Uint8Array {
  const graph = new OnnxGraphBuilder('localization');
  const frames = framesInput(graph);
  const cells = ['frames', 'map_height', 'map_width'] as const;
  const evidence = graph.input('evidence', 'float32', [...cells, EVIDENCE_CHANNELS]);
  const audio = graph.input('audio', 'float32', ['frames', tower.options.embeddingDimension]);
  const logits = head.toOnnx(graph, tower.stagesToOnnx(graph, frames), evidence, audio);
  graph.output('logits', logits, 'float32', cells);
  return graph.toBytes();
}

function framesInput(graph: OnnxGraphBuilder): OnnxValue {
  return graph.input('frames', 'float32', ['frames', 'height', 'width', 3]);
}
