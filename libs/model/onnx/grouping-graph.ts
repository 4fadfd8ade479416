/** The video tower's trunk with the grouping network on top, as an ONNX graph. */
import type { GroupingNetwork } from '../localization/grouping-network.ts';
import { EVIDENCE_CHANNELS } from '../localization/motion-evidence.ts';
import type { VideoTower } from '../towers/video-tower.ts';
import { OnnxGraphBuilder } from './graph-builder.ts';

/**
 * Inputs `frames` `[frames, height, width, 3]`, `evidence` `[frames, height / 4, width / 4, channels]` and `steps`
 * `[1, steps, width]` of the audio tower; outputs `logits` `[frames, classes, cells]`, `heard` `[1, classes]` and `seen`
 * `[frames, classes]`.
 *
 * @returns the bytes of the `.onnx` file
 */
export function groupingGraph(tower: VideoTower, network: GroupingNetwork): Uint8Array {
  const graph = new OnnxGraphBuilder('grouping');
  const { stepWidth, classCount } = network.options;
  const frames = graph.input('frames', 'float32', ['frames', 'height', 'width', 3]);
  const evidence = graph.input('evidence', 'float32', [
    ...['frames', 'map_height', 'map_width'],
    EVIDENCE_CHANNELS,
  ]);
  const steps = graph.input('steps', 'float32', [1, 'steps', stepWidth]);
  const stages = tower.stagesToOnnx(graph, frames);
  const { logits, heard, seen } = network.toOnnx(graph, { stages, evidence, steps });
  graph.output('logits', logits, 'float32', ['frames', classCount, 'cells']);
  graph.output('heard', heard, 'float32', [1, classCount]);
  graph.output('seen', seen, 'float32', ['frames', classCount]);
  return graph.toBytes();
}
