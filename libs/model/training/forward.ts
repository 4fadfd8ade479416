/** A batch through both towers. */
import type * as tfTypes from '@tensorflow/tfjs';
import { MOTION_CHANNELS, motionBlocks } from '../front-ends/motion.ts';
import type { TowerOutput } from '../towers/audio-tower.ts';
import type { TwoTowerNetwork } from '../towers/two-tower.ts';
import type { VideoTowerOutput } from '../towers/video-tower.ts';
import type { SourceShape, TrainingBatch } from './training-source.ts';

export interface PairOutputs {
  audio: TowerOutput;
  video: VideoTowerOutput;
}

/** @param rows pairs in the batch */
export function forward(
  network: TwoTowerNetwork,
  source: SourceShape,
  batch: TrainingBatch,
  rows: number,
  training: boolean,
): PairOutputs {
  const { tf } = network.engine;
  const logMel = tf.tensor4d(batch.logMel, [rows, batch.melFrames, source.bands, 1]);
  const frames = tf.tensor4d(batch.frames, [
    rows * batch.framesPerClip,
    source.frameHeight,
    source.frameWidth,
    3,
  ]);
  const side = motionBlocks({ size: source.motionSize });
  const motion: tfTypes.Tensor4D | null =
    batch.motion && tf.tensor4d(batch.motion, [rows * batch.motionSteps, side, side, MOTION_CHANNELS]);
  const { frameTimesSec, motionTimesSec } = batch;
  return {
    audio: network.audio.apply(logMel, training),
    video: network.video.apply({ frames, frameTimesSec, motion, motionTimesSec, batch: rows }, training),
  };
}
