/** The towers as ONNX graphs, batch, number of frames and steps left free: what a model folder serves from. */

import { MOTION_CHANNELS, motionBlocks } from '../front-ends/motion.ts';
import type { AudioTower, OnnxTowerOutput } from '../towers/audio-tower.ts';
import type { VideoTower } from '../towers/video-tower.ts';
import { OnnxGraphBuilder } from './graph-builder.ts';

/**
 * Input `log_mel` `[batch, frames, bands, 1]`; outputs `embedding`, `steps` and, where the tower has it, `alignment`.
 *
 * @returns the bytes of the `.onnx` file
 */
export function audioTowerGraph(tower: AudioTower): Uint8Array {
  const graph = new OnnxGraphBuilder('audio-tower');
  const logMel = graph.input('log_mel', 'float32', ['batch', 'frames', tower.options.bands, 1]);
  addOutputs(graph, tower, tower.toOnnx(graph, logMel));
  return graph.toBytes();
}

/**
 * Inputs `frames` `[all_frames, height, width, 3]`, `frame_times_sec` `[batch, count]`, `map_frames` int64 `[selected]`
 * and, for a tower that sees motion, `motion` `[all_steps, size, size, channels]` and `motion_times_sec`
 * `[batch, steps]`; outputs `embedding`, `steps`, `alignment`, `map` and `positions` as the tower has them, the last
 * two of the selected frames.
 *
 * @param size of the colour frames
 * @returns the bytes of the `.onnx` file
 */
export function videoTowerGraph(tower: VideoTower, size: { height: number; width: number }): Uint8Array {
  const graph = new OnnxGraphBuilder('video-tower');
  const frames = graph.input('frames', 'float32', ['all_frames', size.height, size.width, 3]);
  const frameTimesSec = graph.input('frame_times_sec', 'float32', ['batch', 'count']);
  const mapFrames = graph.input('map_frames', 'int64', ['selected']);
  const side = tower.options.motion ? motionBlocks(tower.options.motion) : 0;
  const motion = tower.options.motion && {
    frames: graph.input('motion', 'float32', ['all_steps', side, side, MOTION_CHANNELS]),
    timesSec: graph.input('motion_times_sec', 'float32', ['batch', 'steps']),
  };
  const output = tower.toOnnx(graph, { frames, size, frameTimesSec, motion, mapFrames });
  addOutputs(graph, tower, output);
  const { trunkChannels, embeddingDimension } = tower.options;
  const map = (channels: number) => ['selected', 'map_height', 'map_width', channels] as const;
  graph.output('map', output.map, 'float32', map(trunkChannels[trunkChannels.length - 1] as number));
  if (output.positions) graph.output('positions', output.positions, 'float32', map(embeddingDimension));
  return graph.toBytes();
}

function addOutputs(graph: OnnxGraphBuilder, tower: AudioTower | VideoTower, output: OnnxTowerOutput): void {
  const { embeddingDimension, tokenWidth, alignmentDimension } = tower.options;
  graph.output('embedding', output.embedding, 'float32', ['batch', embeddingDimension]);
  graph.output('steps', output.steps, 'float32', ['batch', 'tokens', tokenWidth]);
  if (output.alignment) {
    graph.output('alignment', output.alignment, 'float32', ['batch', 'tokens', alignmentDimension]);
  }
}
