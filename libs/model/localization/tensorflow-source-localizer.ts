/** The trunk and the grouping network on TensorFlow.js: the reference, and what serves where ONNX Runtime can't. */
import { EarshotError } from '#core/errors';
import type { FrontEnds, ModelManifest } from '../checkpoint/manifest.ts';
import { type GroupingShape, readHeadWeights } from '../checkpoint/tower-heads.ts';
import { type NamedArray, ParameterStore } from '../layers/parameters.ts';
import { loadNetwork } from '../load-network.ts';
import type { TwoTowerNetwork, TwoTowerOptions } from '../towers/two-tower.ts';
import { stageChannels } from '../towers/video-tower.ts';
import { GroupingNetwork, type GroupingNetworkOptions } from './grouping-network.ts';
import { type LocalizationInput, mapSide } from './localization-input.ts';
import { EVIDENCE_CHANNELS } from './motion-evidence.ts';
import type { GroupingLogits, SourceLocalizer } from './source-localizer.ts';

/** Seed of weights that are replaced at once. */
const NO_MATTER = 0;

/** How the names of a grouping network's arrays begin. */
export const GROUPING_ARRAYS = 'grouping';

/** What a grouping network is built for that sits on these towers. */
export function groupingOptions(
  { audio, video }: TwoTowerOptions,
  { width, labels, grouping }: GroupingShape,
): GroupingNetworkOptions {
  return {
    stageChannels: stageChannels(video),
    stepWidth: audio.tokenWidth,
    ...{ width, grouping },
    classCount: labels.length,
  };
}

export class TensorFlowSourceLocalizer implements SourceLocalizer {
  readonly grouping: GroupingNetwork;
  readonly #network: TwoTowerNetwork;
  readonly #store: ParameterStore;
  readonly #video: FrontEnds['video'];
  readonly #onDispose: () => void;

  /**
   * @param arrays    the grouping network's weights
   * @param onDispose what is to be freed with it; the towers aren't
   * @throws EarshotError `checkpoint_invalid` for weights of another network
   */
  constructor(
    network: TwoTowerNetwork,
    frontEnds: FrontEnds,
    shape: GroupingShape,
    arrays: readonly NamedArray[],
    onDispose: () => void = () => {},
  ) {
    this.#network = network;
    this.#video = frontEnds.video;
    this.#onDispose = onDispose;
    this.#store = new ParameterStore(network.engine, NO_MATTER);
    this.grouping = new GroupingNetwork(
      this.#store,
      GROUPING_ARRAYS,
      groupingOptions(network.options, shape),
    );
    this.#store.restore(arrays);
  }

  /** @throws EarshotError `not_trained` for a folder without a grouping network, `checkpoint_invalid` */
  static async load(folder: string, manifest: ModelManifest): Promise<TensorFlowSourceLocalizer> {
    const arrays = await readHeadWeights(folder, manifest, 'grouping');
    if (!arrays || !manifest.heads?.grouping)
      throw new EarshotError('not_trained', `${folder} has no grouping head.`, { subject: folder });
    const network = await loadNetwork(folder, manifest);
    return new TensorFlowSourceLocalizer(network, manifest.frontEnds, manifest.heads.grouping, arrays, () =>
      network.dispose(),
    );
  }

  /** Trainable weights of the grouping network. */
  get parameterCount(): number {
    return this.#store.trainableCount;
  }

  async logits(input: LocalizationInput, steps: Float32Array): Promise<GroupingLogits> {
    return this.logitsSync(input, steps);
  }

  logitsSync({ count, frames, evidence }: LocalizationInput, steps: Float32Array): GroupingLogits {
    const { tf } = this.#network.engine;
    const { width, height } = this.#video;
    const side = mapSide(this.#video);
    const { stepWidth } = this.grouping.options;
    const answers = tf.tidy(() => {
      const { audio, visual, logits } = this.grouping.apply(
        {
          stages: this.#network.video.stages(tf.tensor4d(frames, [count, height, width, 3])),
          evidence: tf.tensor4d(evidence, [count, side, side, EVIDENCE_CHANNELS]),
          steps: tf.tensor3d(steps, [1, steps.length / stepWidth, stepWidth]),
        },
        false,
      );
      return [tf.transpose(logits, [0, 2, 1]), audio.presence, visual.presence];
    });
    const [places, heard, seen] = answers.map((answer) => answer.dataSync() as Float32Array);
    for (const answer of answers) answer.dispose();
    return { places, heard, seen } as GroupingLogits;
  }

  dispose(): void {
    for (const unit of this.grouping.units) unit.forgetFolded();
    this.#store.dispose();
    this.#onDispose();
  }
}
