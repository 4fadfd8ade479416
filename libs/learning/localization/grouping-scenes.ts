/**
 * Mixtures through the frozen towers: what the grouping network learns from. Scenes are kept for a while and drawn
 * again, one frame of each at a time, so that no two frames of a batch share their sound.
 */
import { joined } from '#core/joined';
import { SeededRandom } from '#core/random';
import type { FrontEnds } from '#model/checkpoint/manifest';
import type { LocalizationInput } from '#model/localization/localization-input';
import type { ClassPair, GroupingTruth } from '#model/objectives/grouping';
import type { TwoTowerNetwork } from '#model/towers/two-tower';
import type { ScenePool } from './learn-from-scenes.ts';
import type { RenderedScene } from './render-scene.ts';
import type { SceneClips } from './scene-clips.ts';
import { AMBIENCE_COUNT, type MadeScenes, type Rows, rowOf, SceneFeatures } from './scene-features.ts';
import { type Layer, planMixture } from './scene-plan.ts';

/** Scenes that are kept; a frame of one takes about 150 kB. */
const CAPACITY = 2000;

const FRAME_PARTS = ['quarter', 'eighth', 'map', 'evidence'] as const;
type FramePart = (typeof FRAME_PARTS)[number];

interface KnownScene {
  frames: Record<FramePart, Float32Array>[];
  /** Of the audio tower. */
  steps: Float32Array;
  /** Classes heard, seen, and heard of what is seen. */
  heard: number[];
  seen: number[];
  sounding: number[];
  /** By frame, for each class in `sounding`: where it sounds. */
  places: Float32Array[][];
  /** By frame, for each class in `seen`: where it is, whether it sounds or not. */
  shown: Float32Array[][];
  /** By frame, where the localization head says that anything does; null where it is not asked. */
  located: Float32Array[] | null;
}

/** One map for each frame, `[side * side]`: that anything sounds there, 0..1. @param audio the sound's embedding */
export type WhereHeard = (input: LocalizationInput, audio: Float32Array) => Promise<Float32Array[]>;

/** Frames of as many scenes, side by side. */
export interface GroupingBatch {
  features: Record<FramePart | 'steps', Rows>;
  truth: GroupingTruth;
}

export class GroupingScenes implements ScenePool<GroupingBatch> {
  readonly #features: SceneFeatures;
  readonly #classes: readonly string[];
  readonly #whereHeard: WhereHeard | null;
  readonly #scenes: KnownScene[] = [];
  #shapes: Record<string, number[]> = {};

  private constructor(features: SceneFeatures, classes: readonly string[], whereHeard: WhereHeard | null) {
    this.#features = features;
    this.#classes = classes;
    this.#whereHeard = whereHeard;
  }

  /**
   * @param network    whose towers are frozen
   * @param classes    in the order of the class tokens
   * @param whereHeard asked about each scene
   */
  static async open(
    network: TwoTowerNetwork,
    frontEnds: FrontEnds,
    clips: SceneClips,
    classes: readonly string[],
    whereHeard: WhereHeard | null = null,
  ): Promise<GroupingScenes> {
    return new GroupingScenes(await SceneFeatures.open(network, frontEnds, clips), classes, whereHeard);
  }

  capacity(): number {
    return CAPACITY;
  }

  /** Makes new scenes; the oldest make room for them. */
  async add(count: number, framesPerScene: number, seed: string): Promise<void> {
    const { labels } = this.#features;
    const plan = (random: SeededRandom) => planMixture(labels, AMBIENCE_COUNT, random);
    const made = await this.#features.make(count, framesPerScene, new SeededRandom(seed), plan);
    for (const part of FRAME_PARTS) this.#shapes[part] = made.frames[part].shape.slice(1);
    this.#shapes.steps = made.heard.steps.shape.slice(1);
    for (const [i, rendered] of made.rendered.entries())
      this.#scenes.push(this.#known(made, rendered, i, await this.#located(made, i, framesPerScene)));
    this.#scenes.splice(0, Math.max(0, this.#scenes.length - CAPACITY));
  }

  /** A frame each of so many scenes, by lot. */
  draw(count: number, seed: string): GroupingBatch {
    const random = new SeededRandom(seed);
    const chosen = random.shuffle([...this.#scenes]).slice(0, count);
    return this.#batch(chosen.map((scene) => [scene, random.integer(0, scene.frames.length)] as const));
  }

  /** Where the localization head says that anything sounds, in each frame of one scene. */
  located(scene: number): Float32Array[] | null {
    return (this.#scenes[scene] as KnownScene).located;
  }

  /** All frames of one scene. */
  whole(scene: number): GroupingBatch {
    const known = this.#scenes[scene] as KnownScene;
    return this.#batch(known.frames.map((_, frame) => [known, frame] as const));
  }

  dispose(): void {
    this.#features.dispose();
  }

  async #located(
    { frames: { evidence }, pictures, heard }: MadeScenes,
    i: number,
    count: number,
  ): Promise<Float32Array[] | null> {
    if (!this.#whereHeard) return null;
    const rows = Array.from({ length: count }, (_, frame) => i * count + frame);
    const input = {
      count,
      frames: joined(rows.map((row) => pictures[row] as Float32Array)),
      evidence: joined(rows.map((row) => rowOf(evidence, row))),
    };
    return this.#whereHeard(input, rowOf(heard.embedding, i));
  }

  #known(
    { frames, heard }: MadeScenes,
    rendered: RenderedScene,
    i: number,
    located: Float32Array[] | null,
  ): KnownScene {
    const { scene, truths } = rendered;
    const classOf = (clip: number) => this.#classes.indexOf(this.#features.labels[clip] as string);
    const sounds = scene.layers.filter((layer) => layer.sounds).map(({ clip }) => classOf(clip));
    const sounding = [...new Set(sounds)];
    const elsewhere = scene.elsewhere.kind === 'clip' ? [classOf(scene.elsewhere.clip)] : [];
    const count = truths.length;
    const seen = [...new Set(scene.layers.map(({ clip }) => classOf(clip)))];
    const placesOf = (classes: readonly number[], counts: (layer: Layer) => boolean) =>
      truths.map((layers) =>
        classes.map((of) =>
          largest(
            layers.filter((_, l) => {
              const layer = scene.layers[l] as Layer;
              return counts(layer) && classOf(layer.clip) === of;
            }),
          ),
        ),
      );
    return {
      frames: truths.map((_, frame) => {
        const entries = FRAME_PARTS.map((part) => [part, rowOf(frames[part], i * count + frame)] as const);
        return Object.fromEntries(entries) as KnownScene['frames'][number];
      }),
      ...{ steps: rowOf(heard.steps, i), located },
      heard: [...new Set([...sounding, ...elsewhere])],
      ...{ seen, sounding },
      places: placesOf(sounding, ({ sounds }) => sounds),
      shown: placesOf(seen, () => true),
    };
  }

  #batch(chosen: readonly (readonly [KnownScene, number])[]): GroupingBatch {
    const rows = (
      part: FramePart | 'steps',
      of: (scene: KnownScene, frame: number) => Float32Array,
    ): Rows => ({
      data: joined(chosen.map(([scene, frame]) => of(scene, frame))),
      shape: [chosen.length, ...(this.#shapes[part] as number[])],
    });
    const ofFrame = (part: FramePart) =>
      rows(part, (scene, frame) => (scene.frames[frame] as KnownScene['frames'][number])[part]);
    return {
      features: {
        quarter: ofFrame('quarter'),
        eighth: ofFrame('eighth'),
        map: ofFrame('map'),
        evidence: ofFrame('evidence'),
        steps: rows('steps', ({ steps }) => steps),
      },
      truth: this.#truth(chosen),
    };
  }

  #truth(chosen: readonly (readonly [KnownScene, number])[]): GroupingTruth {
    const classes = this.#classes.length;
    const [height, width] = this.#shapes.quarter as [number, number];
    const cells = height * width;
    const heard = new Float32Array(chosen.length * classes);
    const seen = new Float32Array(chosen.length * classes);
    const places = new Float32Array(chosen.length * cells * classes);
    const shown = new Float32Array(places.length);
    const pairs: ClassPair[] = [];
    chosen.forEach(([scene, frame], i) => {
      const put = (to: Float32Array, classIndex: number, place: Float32Array) => {
        for (let cell = 0; cell < cells; cell++)
          to[(i * cells + cell) * classes + classIndex] = place[cell] as number;
      };
      for (const of of scene.heard) heard[i * classes + of] = 1;
      scene.seen.forEach((classIndex, n) => {
        seen[i * classes + classIndex] = 1;
        put(shown, classIndex, scene.shown[frame]?.[n] as Float32Array);
      });
      scene.sounding.forEach((classIndex, n) => {
        pairs.push({ frame: i, classIndex });
        put(places, classIndex, scene.places[frame]?.[n] as Float32Array);
      });
    });
    return { heard, seen, places, shown, pairs };
  }
}

function largest(maps: readonly Float32Array[]): Float32Array {
  const [first, ...rest] = maps as [Float32Array, ...Float32Array[]];
  return first.map((value, cell) => Math.max(value, ...rest.map((map) => map[cell] as number)));
}
