/** The towers on TensorFlow.js: the reference, and what serves where ONNX Runtime can't. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { FrontEnds } from '../checkpoint/manifest.ts';
import type { TensorFlow } from '../engine/engine.ts';
import type { VideoBatch } from '../front-ends/video-batch.ts';
import type { TowerOutput } from './audio-tower.ts';
import type { FloatTensor, TowerBackend, TowerResult, VideoTowerResult } from './tower-backend.ts';
import type { TwoTowerNetwork } from './two-tower.ts';

export class TensorFlowTowers implements TowerBackend {
  readonly #network: TwoTowerNetwork;
  readonly #frontEnds: FrontEnds;

  /** @param network taken over: disposed of with the towers */
  constructor(network: TwoTowerNetwork, frontEnds: FrontEnds) {
    this.#network = network;
    this.#frontEnds = frontEnds;
  }

  async audio(logMel: Float32Array, batch: number): Promise<TowerResult> {
    const { tf } = this.#network.engine;
    const { bands } = this.#frontEnds.audio;
    return inScope(tf, () => {
      const input = tf.tensor4d(logMel, [batch, logMel.length / batch / bands, bands, 1]);
      return towerResult(this.#network.audio.apply(input, false));
    });
  }

  async video(
    input: VideoBatch,
    batch: number,
    mapFrames: readonly number[] = [],
  ): Promise<VideoTowerResult> {
    const { tf } = this.#network.engine;
    const { width, height } = this.#frontEnds.video;
    const { frameTimesSec, motionTimesSec } = input;
    return inScope(tf, () => {
      const frames = tf.tensor4d(input.frames, [frameTimesSec.length, height, width, 3]);
      const motion = input.motion && tf.tensor4d(input.motion.data, input.motion.shape);
      const tensors = { frames, frameTimesSec, motion, motionTimesSec, batch };
      const output = this.#network.video.apply(tensors, false);
      const selected = tf.tensor1d([...mapFrames], 'int32');
      return {
        ...towerResult(output),
        map: read(tf.gather(output.map, selected)),
        positions: output.positions && read(tf.gather(output.positions, selected)),
      };
    });
  }

  dispose(): void {
    this.#network.dispose();
  }
}

/** `tf.tidy` for work that answers arrays, which `tidy` would search for tensors number by number. */
function inScope<T>(tf: TensorFlow, work: () => T): T {
  tf.engine().startScope();
  try {
    return work();
  } finally {
    tf.engine().endScope();
  }
}

function towerResult({ embedding, steps, alignment }: TowerOutput): TowerResult {
  return { embedding: read(embedding), steps: read(steps), alignment: alignment && read(alignment) };
}

function read(tensor: tfTypes.Tensor): FloatTensor {
  return { data: tensor.dataSync() as Float32Array, shape: tensor.shape };
}
