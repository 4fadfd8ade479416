/**
 * Learning from a pair, or a few, one step at a time. The wrong answers that a step needs are the other pairs of the
 * step and the pairs of earlier steps; as long as there is neither, noise and plain pictures. Batch normalisation
 * keeps its running statistics: those of one pair would say nothing.
 */
import { createHash } from 'node:crypto';
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import type { NamedArray } from '../layers/parameters.ts';
import { MAX_LOG_SCALE } from '../objectives/info-nce.ts';
import { type EmbeddedPairs, infoNceWithMemory } from '../objectives/info-nce-with-memory.ts';
import type { TwoTowerNetwork } from '../towers/two-tower.ts';
import { forward } from '../training/forward.ts';
import { namedGradients } from '../training/named-gradients.ts';
import { createOptimizer, type Optimizer, type OptimizerName } from '../training/optimizer.ts';
import { ArrayClipSource, type SourceSpec } from './clip-source.ts';
import type { CheckedClip } from './inputs.ts';

/** Pairs of earlier steps that are remembered. */
const MEMORY_SIZE = 256;

interface RememberedPair {
  audio: Float32Array;
  video: Float32Array;
}

/** What makes a copy go on as its original would. */
export interface PairTrainerState {
  step: number;
  optimizer: NamedArray[];
  memory: [string, RememberedPair][];
}

export class PairTrainer {
  readonly #network: TwoTowerNetwork;
  readonly #spec: SourceSpec;
  readonly #optimizer: Optimizer;
  /** By what the pair consists of, the oldest first: a pair is never its own wrong answer. */
  readonly #memory: Map<string, RememberedPair>;

  constructor(
    network: TwoTowerNetwork,
    spec: SourceSpec,
    optimizer: OptimizerName,
    state: PairTrainerState | null = null,
  ) {
    this.#network = network;
    this.#spec = spec;
    this.#optimizer = createOptimizer(optimizer, network.store);
    if (state) this.#optimizer.restore(state.optimizer, state.step);
    this.#memory = new Map(state?.memory);
  }

  /**
   * @param clips at least one
   * @returns the loss before the step
   * @throws EarshotError `training_diverged` when loss or gradient is not finite; nothing has been changed then
   */
  step(clips: readonly CheckedClip[], learningRate: number): number {
    const keys = clips.map(contentKey);
    const others = this.#others(new Set(keys));
    const { loss, gradients, embedded } = this.#differentiate(clips, others);
    if (!Number.isFinite(loss)) {
      for (const gradient of gradients.values()) gradient.dispose();
      throw new EarshotError('training_diverged', `The loss is ${loss}: lower the learning rate.`);
    }
    try {
      this.#optimizer.update(gradients, learningRate);
    } finally {
      this.#network.forgetFolded();
    }
    this.#holdScale();
    keys.forEach((key, i) => {
      this.#remember(key, embedded[i] as RememberedPair);
    });
    return loss;
  }

  snapshot(): PairTrainerState {
    const copy = ({ audio, video }: RememberedPair) => ({ audio: audio.slice(), video: video.slice() });
    return {
      step: this.#optimizer.step,
      optimizer: this.#optimizer.snapshot(),
      memory: [...this.#memory].map(([key, pair]) => [key, copy(pair)]),
    };
  }

  /** Wrong answers from beyond the step. */
  #others(keys: ReadonlySet<string>): RememberedPair[] {
    const remembered = [...this.#memory].filter(([key]) => !keys.has(key)).map(([, pair]) => pair);
    if (remembered.length > 0 || keys.size > 1) return remembered;
    const plain = distractors(this.#spec);
    const { tf } = this.#network.engine;
    let pairs: RememberedPair[] = [];
    tf.tidy(() => {
      pairs = pairsOf(...this.#embed(plain));
    });
    return pairs;
  }

  #differentiate(clips: readonly CheckedClip[], others: readonly RememberedPair[]) {
    const { engine, store, logScale } = this.#network;
    const { tf } = engine;
    // Folded anew within the differentiation, so that gradients reach the weights that were folded.
    this.#network.forgetFolded();
    let embedded: RememberedPair[] = [];
    const { loss, gradients } = namedGradients(engine, store, () => {
      const [audio, video] = this.#embed(clips);
      embedded = pairsOf(audio, video);
      const memory = stacked(tf, others, audio.shape[1]);
      return infoNceWithMemory(tf, { audio, video }, memory, logScale);
    });
    return { loss, gradients, embedded };
  }

  /** Must run within a tidy. */
  #embed(clips: readonly CheckedClip[]): [tfTypes.Tensor2D, tfTypes.Tensor2D] {
    const source = new ArrayClipSource(clips, this.#spec);
    const indices = clips.map((_, i) => i);
    const batch = source.collect({ sounds: indices, pictures: indices, seed: null, progress: 1 });
    const { audio, video } = forward(this.#network, source, batch, clips.length, false);
    return [audio.embedding, video.embedding];
  }

  #holdScale(): void {
    const { engine, logScale } = this.#network;
    const held = engine.tf.tidy(() => engine.tf.minimum(logScale, MAX_LOG_SCALE));
    logScale.assign(held);
    held.dispose();
  }

  #remember(key: string, pair: RememberedPair): void {
    this.#memory.delete(key);
    this.#memory.set(key, pair);
    for (const oldest of this.#memory.keys()) {
      if (this.#memory.size <= MEMORY_SIZE) break;
      this.#memory.delete(oldest);
    }
  }
}

function contentKey({ samples, frames }: CheckedClip): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of [samples, frames.data])
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

function stacked(
  tf: TwoTowerNetwork['engine']['tf'],
  pairs: readonly RememberedPair[],
  width: number,
): EmbeddedPairs {
  const side = (name: keyof RememberedPair) => {
    const data = new Float32Array(pairs.length * width);
    pairs.forEach((pair, i) => {
      data.set(pair[name], i * width);
    });
    return tf.tensor2d(data, [pairs.length, width]);
  };
  return { audio: side('audio'), video: side('video') };
}

function pairsOf(audio: tfTypes.Tensor2D, video: tfTypes.Tensor2D): RememberedPair[] {
  const [rows, width] = audio.shape;
  const [sounds, pictures] = [audio.dataSync() as Float32Array, video.dataSync() as Float32Array];
  return Array.from({ length: rows }, (_, i) => ({
    audio: sounds.slice(i * width, (i + 1) * width),
    video: pictures.slice(i * width, (i + 1) * width),
  }));
}

/** Nothing in particular: silence with a plain frame, noise with a frame of noise. */
function distractors({ frontEnds, segments }: SourceSpec): CheckedClip[] {
  const { audio, video } = frontEnds;
  const random = new SeededRandom('distractors');
  const length = Math.round(segments.lengthSec * audio.sampleRateHz);
  const size = video.width * video.height * 3;
  const clip = (samples: Float32Array, data: Uint8Array): CheckedClip => ({
    samples,
    frames: { data, count: 1 },
    label: undefined,
  });
  return [
    clip(new Float32Array(length), new Uint8Array(size).fill(128)),
    clip(
      Float32Array.from({ length }, () => 0.1 * random.normal()),
      Uint8Array.from({ length: size }, () => random.integer(0, 256)),
    ),
  ];
}
