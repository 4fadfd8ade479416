/**
 * Scenes through the frozen towers: what the localization head learns from. Making one costs as much as learning from
 * it several times, so examples are kept for a while and drawn again.
 */
import { joined } from '#core/joined';
import { SeededRandom } from '#core/random';
import type { FrontEnds } from '#model/checkpoint/manifest';
import { mapSide } from '#model/localization/localization-input';
import type { TwoTowerNetwork } from '#model/towers/two-tower';
import type { ScenePool } from './learn-from-scenes.ts';
import type { RenderedScene } from './render-scene.ts';
import type { SceneClips } from './scene-clips.ts';
import { AMBIENCE_COUNT, type Rows, rowOf, SceneFeatures } from './scene-features.ts';
import { planScene } from './scene-plan.ts';

/** Examples that are kept; one takes about 190 kB. */
const CAPACITY = 1500;

const PARTS = ['quarter', 'eighth', 'map', 'positions', 'evidence', 'audio', 'truth'] as const;
type Part = (typeof PARTS)[number];

/** One frame of a scene; each part `[...shape]` without the batch. */
type Example = Record<Part, Float32Array>;

/** Examples side by side: `quarter`, `eighth`, `map`, `positions`, `evidence` `[frames, height, width, channels]`,
 * `audio` `[frames, dimension]` and `truth` `[frames, side, side]` in 0..1. */
export type HeadBatch = Record<Part, Rows>;

export class HeadBatches implements ScenePool<HeadBatch> {
  readonly #side: number;
  readonly #features: SceneFeatures;
  readonly #examples: Example[] = [];
  readonly #shapes: Partial<Record<Part, number[]>> = {};

  private constructor(side: number, features: SceneFeatures) {
    this.#side = side;
    this.#features = features;
  }

  /** @param network whose towers are frozen */
  static async open(network: TwoTowerNetwork, frontEnds: FrontEnds, clips: SceneClips): Promise<HeadBatches> {
    const features = await SceneFeatures.open(network, frontEnds, clips);
    return new HeadBatches(mapSide(frontEnds.video), features);
  }

  capacity(framesPerScene: number): number {
    return Math.ceil(CAPACITY / framesPerScene);
  }

  /** Adds the frames of new scenes; the oldest examples make room for them. */
  async add(scenes: number, framesPerScene: number, seed: string): Promise<void> {
    const plan = (random: SeededRandom) => planScene(this.#features.labels, AMBIENCE_COUNT, random);
    const { rendered, frames, heard } = await this.#features.make(
      scenes,
      framesPerScene,
      new SeededRandom(seed),
      plan,
    );
    const made: HeadBatch = {
      ...frames,
      truth: this.#truths(rendered),
      audio: repeated(heard.embedding, framesPerScene),
    };
    for (const part of PARTS) this.#shapes[part] = made[part].shape.slice(1);
    for (let i = 0; i < scenes * framesPerScene; i++) {
      const entries = PARTS.map((part) => [part, rowOf(made[part], i)] as const);
      this.#examples.push(Object.fromEntries(entries) as Example);
    }
    this.#examples.splice(0, Math.max(0, this.#examples.length - CAPACITY));
  }

  /** Some of the examples, none twice. */
  draw(count: number, seed: string): HeadBatch {
    const random = new SeededRandom(seed);
    const chosen = random.shuffle([...this.#examples]).slice(0, count);
    const entries = PARTS.map((part) => {
      const data = joined(chosen.map((example) => example[part]));
      const shape: number[] = [chosen.length, ...(this.#shapes[part] ?? [])];
      return [part, { data, shape }] as const;
    });
    return Object.fromEntries(entries) as HeadBatch;
  }

  dispose(): void {
    this.#features.dispose();
  }

  #truths(scenes: readonly RenderedScene[]): Rows {
    const data = joined(scenes.flatMap(soundingTruths));
    return { data, shape: [data.length / this.#side ** 2, this.#side, this.#side] };
  }
}

/** Of each frame, where anything sounds. */
function soundingTruths({ scene, truths }: RenderedScene): Float32Array[] {
  return truths.map((layers) => {
    const out = new Float32Array((layers[0] as Float32Array).length);
    layers.forEach((own, layer) => {
      if (!scene.layers[layer]?.sounds) return;
      own.forEach((value, cell) => {
        out[cell] = Math.max(out[cell] as number, value);
      });
    });
    return out;
  });
}

/** Each row so many times. */
function repeated(rows: Rows, times: number): Rows {
  const [count = 0, ...rest] = rows.shape;
  const data = Array.from({ length: count * times }, (_, i) => rowOf(rows, Math.floor(i / times)));
  return { data: joined(data), shape: [count * times, ...rest] };
}
