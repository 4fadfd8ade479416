/** The two towers, their temperature, and the weights behind them: what is trained, saved and served. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { Engine } from '../engine/engine.ts';
import type { BatchStatistics, ConvolutionUnit } from '../layers/convolution.ts';
import { ParameterStore } from '../layers/parameters.ts';
import { INITIAL_LOG_SCALE } from '../objectives/info-nce.ts';
import { AudioTower, type AudioTowerOptions } from './audio-tower.ts';
import { VideoTower, type VideoTowerOptions } from './video-tower.ts';

export interface TwoTowerOptions {
  audio: AudioTowerOptions;
  video: VideoTowerOptions;
}

/** Widths of the reference design: for machines with an accelerator. */
export const REFERENCE_TOWERS: TwoTowerOptions = {
  audio: {
    bands: 64,
    hopSec: 0.01,
    trunkChannels: [32, 64, 128, 256, 512],
    tokenWidth: 512,
    numEncoderLayers: 6,
    numHeads: 8,
    embeddingDimension: 512,
    temporalParts: 5,
    alignmentDimension: 128,
  },
  video: {
    trunkChannels: [32, 64, 128, 128, 256, 512],
    tokenWidth: 512,
    numEncoderLayers: 6,
    numHeads: 8,
    embeddingDimension: 512,
    motion: { size: 48, trunkChannels: [16, 32, 64] },
    temporalParts: 5,
    alignmentDimension: 128,
    positions: true,
  },
};

/** The shipped `mini`: learns on two laptop cores in about an hour. */
export const MINI_TOWERS: TwoTowerOptions = {
  audio: {
    bands: 64,
    hopSec: 0.01,
    trunkChannels: [16, 32, 64, 128, 128],
    tokenWidth: 128,
    numEncoderLayers: 2,
    numHeads: 4,
    embeddingDimension: 256,
    temporalParts: 5,
    alignmentDimension: 64,
  },
  video: {
    trunkChannels: [16, 32, 64, 64, 128, 192],
    tokenWidth: 128,
    numEncoderLayers: 2,
    numHeads: 4,
    embeddingDimension: 256,
    motion: { size: 48, trunkChannels: [16, 32, 48] },
    temporalParts: 5,
    alignmentDimension: 64,
    positions: true,
  },
};

export class TwoTowerNetwork {
  readonly engine: Engine;
  readonly options: TwoTowerOptions;
  readonly store: ParameterStore;
  readonly audio: AudioTower;
  readonly video: VideoTower;
  /** Log of the inverse temperature, learned. */
  readonly logScale: tfTypes.Variable;

  constructor(engine: Engine, options: TwoTowerOptions, seed: number) {
    this.engine = engine;
    this.options = options;
    this.store = new ParameterStore(engine, seed);
    this.audio = new AudioTower(this.store, 'audio', options.audio);
    this.video = new VideoTower(this.store, 'video', options.video);
    this.logScale = this.store.weight('log-scale', [], { kind: 'constant', value: INITIAL_LOG_SCALE });
  }

  /** After each optimiser step: running statistics follow, folded serving weights are dropped. */
  afterUpdate(statisticsMomentum: number): void {
    for (const unit of this.units) unit.absorbBatchStatistics(statisticsMomentum);
    this.forgetFolded();
  }

  /** Drops folded serving weights; needed after weights have been set. */
  forgetFolded(): void {
    for (const unit of this.units) unit.forgetFolded();
  }

  /** The last training batch's statistics, unit by unit; the units no longer hold them. */
  takeBatchStatistics(): BatchStatistics[] {
    return this.units.map((unit) => unit.takeBatchStatistics());
  }

  /** As if a batch with these statistics had been through the towers. */
  putBatchStatistics(statistics: readonly BatchStatistics[]): void {
    this.units.forEach((unit, i) => {
      unit.putBatchStatistics(statistics[i] as BatchStatistics);
    });
  }

  dispose(): void {
    this.forgetFolded();
    this.store.dispose();
  }

  /** Every unit with batch normalisation, always in the same order. */
  get units(): ConvolutionUnit[] {
    return [...this.audio.units, ...this.video.units];
  }
}
