/** A network of the newest shape, small enough to learn in seconds: motion, pyramid, alignment and positions. */

import { loadEngine } from '#model/engine/engine';
import { AudioVisualCorrespondenceNetwork } from '#model/network/audio-visual-correspondence-network';
import type { LearningOptions } from '#model/network/options';
import { manifestOf } from '#model/network/options';

export async function smallNetwork(
  learning: LearningOptions & { seed?: number } = {},
): Promise<AudioVisualCorrespondenceNetwork> {
  const manifest = manifestOf({ embeddingDimension: 32, videoFrameRate: 12.5, frameSize: 48, segmentSec: 1 });
  const { audio, video } = manifest.towers;
  const shared = { tokenWidth: 32, numHeads: 2, numEncoderLayers: 1, alignmentDimension: 16 };
  return new AudioVisualCorrespondenceNetwork(await loadEngine(), learning, {
    ...manifest,
    id: 'small',
    towers: {
      kind: 'two-tower',
      audio: { ...audio, ...shared, trunkChannels: [8, 16, 16, 32, 32] },
      video: {
        ...video,
        ...shared,
        trunkChannels: [8, 16, 16, 16, 32, 32],
        motion: { size: 24, trunkChannels: [8, 8, 16] },
      },
    },
  });
}
