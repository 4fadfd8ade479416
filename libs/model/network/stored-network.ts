/**
 * What a network is apart from its answers: weights, description, identity, and how they are read out, replaced and
 * written.
 */
import { EarshotError } from '#core/errors';
import { writeModelFolder } from '../checkpoint/checkpoint.ts';
import type { GroupingCalibration, LocalizationCalibration, ModelManifest } from '../checkpoint/manifest.ts';
import { type StoredSynchronization, writeSynchronization } from '../checkpoint/synchronization.ts';
import { writeGrouping, writeLocalizationHead } from '../checkpoint/tower-heads.ts';
import type { Engine } from '../engine/engine.ts';
import type { NamedArray } from '../layers/parameters.ts';
import { TensorFlowLocalizer } from '../localization/tensorflow-localizer.ts';
import { TensorFlowSourceLocalizer } from '../localization/tensorflow-source-localizer.ts';
import { groupingGraph } from '../onnx/grouping-graph.ts';
import { localizationGraph } from '../onnx/localization-graphs.ts';
import { TwoTowerNetwork } from '../towers/two-tower.ts';
import type { OptimizerName } from '../training/optimizer.ts';
import {
  checkLearning,
  type LearningOptions,
  manifestOf,
  type NetworkManifest,
  type NetworkOptions,
} from './options.ts';
import type { PairTrainer } from './pair-trainer.ts';
import { assignParameters } from './parameters.ts';
import { encodeModel, weightsHash } from './serialization.ts';
import { packedSynchronization } from './synchronization.ts';
import { TowerPasses } from './tower-passes.ts';

export interface ModelMetadata extends NetworkManifest {
  /** Trainable weights. */
  parameterCount: number;
  optimizer: OptimizerName;
}

export abstract class StoredNetwork {
  /** Loss of the last step that was trained; null before any. */
  lastLoss: number | null = null;
  protected readonly network: TwoTowerNetwork;
  protected readonly passes: TowerPasses;
  protected readonly learning: LearningOptions;
  protected manifest: NetworkManifest;
  /** Does not depend on the towers' weights, and is shared by clones: nothing changes it. */
  protected synchronization: StoredSynchronization | null = null;
  /** The localization head's weights, which belong to the towers' as they are; null where there is none. */
  protected localizationArrays: readonly NamedArray[] | null = null;
  /** Likewise of the grouping network. */
  protected groupingArrays: readonly NamedArray[] | null = null;
  #localizer: TensorFlowLocalizer | null = null;
  #sourceLocalizer: TensorFlowSourceLocalizer | null = null;
  /** Momentum and memory of `train`; null until it is asked for. */
  protected trainer: PairTrainer | null = null;
  /** Whether the weights are no longer those that the manifest's version stands for. */
  #changed = false;

  /**
   * A network with random weights; `create` does the same and loads the engine as well.
   *
   * @param engine  from `loadEngine`
   * @param options the reference design's values unless told, see `NetworkOptions`
   * @throws EarshotError `invalid_argument` naming the option at fault
   */
  constructor(engine: Engine, options: NetworkOptions = {}, manifest: NetworkManifest = manifestOf(options)) {
    checkLearning(options);
    this.manifest = manifest;
    this.learning = { optimizer: options.optimizer, loss: options.loss };
    this.network = new TwoTowerNetwork(engine, manifest.towers, options.seed ?? 1);
    this.passes = new TowerPasses(this.network, manifest.frontEnds, manifest.segments);
  }

  /** Trainable weights, the temperature among them. */
  get parameterCount(): number {
    return this.network.store.trainableCount;
  }

  /** A copy of every array that the answers depend on: trainable weights first, then running statistics. */
  getParameters(): NamedArray[] {
    return this.network.store.snapshot();
  }

  /**
   * Another network's arrays, all of them; what `train` had in its memory is forgotten.
   *
   * @throws EarshotError `invalid_argument` or `shape_mismatch`, naming the array; nothing has been changed then
   */
  setParameters(parameters: readonly NamedArray[]): void {
    assignParameters(this.network.store, parameters, { all: true });
    this.trainer = null;
    this.weightsChanged();
  }

  /**
   * New values for some or all arrays, as `getParameters` lays them out: a step of one's own. `train` goes on with its
   * momentum and memory.
   *
   * @throws EarshotError `invalid_argument` or `shape_mismatch`, naming the array; nothing has been changed then
   */
  updateParameters(parameters: readonly NamedArray[]): void {
    assignParameters(this.network.store, parameters, { all: false });
    this.weightsChanged();
  }

  /** What this model is, takes and was made of: a copy. */
  modelMetadata(): ModelMetadata {
    return structuredClone({
      ...this.currentManifest(),
      parameterCount: this.parameterCount,
      optimizer: this.optimizer,
    });
  }

  /** The model as bytes: a safetensors file with its description in the header. What only training needs is left out. */
  serialize(): Uint8Array {
    const onTowers = [...(this.localizationArrays ?? []), ...(this.groupingArrays ?? [])];
    const arrays = [...this.getParameters(), ...onTowers, ...packedSynchronization(this.synchronization)];
    return encodeModel(this.currentManifest(), arrays, this.parameterCount);
  }

  /**
   * Writes a model folder, which `fromFolder` and the product's commands read.
   *
   * @param named the model's own name and description unless told
   * @throws EarshotError `model_invalid` for a name that can't be one
   */
  async toFolder(folder: string, named: { id?: string; description?: string } = {}): Promise<ModelManifest> {
    const { version, heads, calibration, ...rest } = this.currentManifest();
    const { localization: _ofTheHead, grouping: _ofItsHead, ...own } = calibration ?? {};
    const whole = { ...rest, ...(calibration && { calibration: own }), ...named };
    const numbers = { baseVersion: baseOf(version), parameterCount: this.parameterCount };
    const towers = await writeModelFolder(folder, { ...whole, ...numbers }, this.getParameters());
    const localizing = await this.#writeLocalization(folder, towers);
    const manifest = await this.#writeGrouping(folder, localizing);
    if (!heads?.synchronization || !this.synchronization) return manifest;
    return writeSynchronization(folder, this.synchronization.head.arrays, heads.synchronization);
  }

  async #writeLocalization(folder: string, towers: ModelManifest): Promise<ModelManifest> {
    const head = this.manifest.heads?.localization;
    if (!head || !this.localizationArrays) return towers;
    const { localizer, calibration } = this.localization('toFolder');
    return writeLocalizationHead(folder, towers, {
      ...{ width: head.width, training: head.training, calibration },
      arrays: this.localizationArrays,
      parameterCount: head.weights.parameterCount,
      graph: localizationGraph(this.network.video, localizer.head),
    });
  }

  async #writeGrouping(folder: string, towers: ModelManifest): Promise<ModelManifest> {
    const head = this.manifest.heads?.grouping;
    if (!head || !this.groupingArrays) return towers;
    const { localizer, calibration } = this.sourceLocalization('toFolder');
    const { weights, serving: _written, ...shape } = head;
    return writeGrouping(folder, towers, {
      ...{ ...shape, calibration },
      arrays: this.groupingArrays,
      parameterCount: weights.parameterCount,
      graph: groupingGraph(this.network.video, localizer.grouping),
    });
  }

  /** Frees the weights; the network answers nothing afterwards. */
  dispose(): void {
    this.#localizer?.dispose();
    this.#sourceLocalizer?.dispose();
    this.network.dispose();
  }

  /** With a version that no other weights have. */
  protected currentManifest(): NetworkManifest {
    if (this.#changed) {
      const hash = weightsHash(this.manifest.id, this.getParameters()).slice(0, 8);
      this.manifest = { ...this.manifest, version: `${baseOf(this.manifest.version)}+${hash}` };
      this.#changed = false;
    }
    return this.manifest;
  }

  /** @throws EarshotError `not_trained` naming the operation that needs the head */
  protected localization(operation: string): {
    localizer: TensorFlowLocalizer;
    calibration: LocalizationCalibration;
  } {
    const { heads, calibration, frontEnds } = this.manifest;
    if (!heads?.localization || !calibration?.localization || !this.localizationArrays)
      throw notTrained(operation, 'it has no localization head');
    const { width } = heads.localization;
    this.#localizer ??= new TensorFlowLocalizer(this.network, frontEnds, width, this.localizationArrays);
    return { localizer: this.#localizer, calibration: calibration.localization };
  }

  /** @throws EarshotError `not_trained` naming the operation that needs the head */
  protected sourceLocalization(operation: string): {
    localizer: TensorFlowSourceLocalizer;
    labels: readonly string[];
    calibration: GroupingCalibration;
  } {
    const { heads, calibration, frontEnds } = this.manifest;
    if (!heads?.grouping || !calibration?.grouping || !this.groupingArrays)
      throw notTrained(operation, 'it has no grouping head');
    this.#sourceLocalizer ??= new TensorFlowSourceLocalizer(
      this.network,
      frontEnds,
      heads.grouping,
      this.groupingArrays,
    );
    const { labels } = heads.grouping;
    return { localizer: this.#sourceLocalizer, labels, calibration: calibration.grouping };
  }

  /** A calibration, and a head that sits on the towers, belong to the weights that they were fitted on. */
  protected weightsChanged(): void {
    const { calibration: _outdated, heads, ...manifest } = this.manifest;
    const synchronization = heads?.synchronization;
    this.manifest = { ...manifest, ...(synchronization && { heads: { synchronization } }) };
    this.localizationArrays = null;
    this.groupingArrays = null;
    this.#localizer?.dispose();
    this.#localizer = null;
    this.#sourceLocalizer?.dispose();
    this.#sourceLocalizer = null;
    this.network.forgetFolded();
    this.#changed = true;
  }

  protected get optimizer(): OptimizerName {
    return this.learning.optimizer ?? 'adamw';
  }
}

/** A version without the hash of its weights. */
function baseOf(version: string): string {
  return version.split('+')[0] as string;
}

export function notTrained(operation: string, why: string): EarshotError {
  const message = `${operation}: this model can't answer, because ${why}.`;
  return new EarshotError('not_trained', message, { subject: operation });
}
