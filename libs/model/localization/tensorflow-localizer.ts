/** The trunk and the localization head on TensorFlow.js: the reference, and what serves where ONNX Runtime can't. */
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import type { FrontEnds, ModelManifest } from '../checkpoint/manifest.ts';
import { readHeadWeights } from '../checkpoint/tower-heads.ts';
import type { NamedArray } from '../layers/parameters.ts';
import { ParameterStore } from '../layers/parameters.ts';
import { loadNetwork } from '../load-network.ts';
import type { TwoTowerNetwork, TwoTowerOptions } from '../towers/two-tower.ts';
import { stageChannels } from '../towers/video-tower.ts';
import { LocalizationHead, type LocalizationHeadOptions } from './localization-head.ts';
import { type LocalizationInput, mapSide } from './localization-input.ts';
import type { Localizer } from './localizer.ts';
import { EVIDENCE_CHANNELS } from './motion-evidence.ts';

/** Seed of weights that are replaced at once. */
const NO_MATTER = 0;

/** What a head is built for that sits on these towers. */
export function localizationHeadOptions({ video }: TwoTowerOptions, width: number): LocalizationHeadOptions {
  const { embeddingDimension } = video;
  return { stageChannels: stageChannels(video), embeddingDimension, width };
}

export class TensorFlowLocalizer implements Localizer {
  readonly #network: TwoTowerNetwork;
  readonly head: LocalizationHead;
  readonly #store: ParameterStore;
  readonly #video: FrontEnds['video'];

  readonly #onDispose: () => void;

  /**
   * @param arrays    the head's weights
   * @param onDispose what is to be freed with the localizer; the network isn't
   * @throws EarshotError `checkpoint_invalid` for weights of another head
   */
  constructor(
    network: TwoTowerNetwork,
    frontEnds: FrontEnds,
    width: number,
    arrays: readonly NamedArray[],
    onDispose: () => void = () => {},
  ) {
    this.#onDispose = onDispose;
    this.#network = network;
    this.#video = frontEnds.video;
    this.#store = new ParameterStore(network.engine, NO_MATTER);
    this.head = new LocalizationHead(
      this.#store,
      'localization',
      localizationHeadOptions(network.options, width),
    );
    this.#store.restore(arrays);
  }

  /** @throws EarshotError `not_trained` for a folder without a head, `checkpoint_invalid` */
  static async load(folder: string, manifest: ModelManifest): Promise<TensorFlowLocalizer> {
    const arrays = await readHeadWeights(folder, manifest, 'localization');
    if (!arrays || !manifest.heads?.localization)
      throw new EarshotError('not_trained', `${folder} has no localization head.`, { subject: folder });
    const network = await loadNetwork(folder, manifest);
    return new TensorFlowLocalizer(
      network,
      manifest.frontEnds,
      manifest.heads.localization.width,
      arrays,
      () => network.dispose(),
    );
  }

  /** Trainable weights of the head. */
  get parameterCount(): number {
    return this.#store.trainableCount;
  }

  async logits(input: LocalizationInput, audio: Float32Array): Promise<Float32Array> {
    return this.logitsSync(input, audio);
  }

  logitsSync({ count, frames, evidence }: LocalizationInput, audio: Float32Array): Float32Array {
    const { tf } = this.#network.engine;
    const { width, height } = this.#video;
    const side = mapSide(this.#video);
    const logits = tf.tidy(() => {
      const stages = this.#network.video.stages(tf.tensor4d(frames, [count, height, width, 3]));
      const heard = tf.tile(tf.tensor2d(audio, [1, audio.length]), [count, 1]);
      const moving = tf.tensor4d(evidence, [count, side, side, EVIDENCE_CHANNELS]);
      return this.head.apply(stages, moving, heard as tfTypes.Tensor2D, false);
    });
    const data = logits.dataSync() as Float32Array;
    logits.dispose();
    return data;
  }

  dispose(): void {
    for (const unit of this.head.units) unit.forgetFolded();
    this.#store.dispose();
    this.#onDispose();
  }
}
