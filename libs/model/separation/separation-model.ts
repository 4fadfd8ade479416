/**
 * Visually guided separation as it is served: what is seen asks the mixture's feature maps for its sound.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels"
 */

import { logistic } from '../calibration/platt.ts';
import { LOG_FREQUENCY_BINS } from '../front-ends/log-frequency.ts';
import type { PixelBlock } from '../front-ends/video-batch.ts';
import { videoBatch } from '../front-ends/video-batch.ts';
import { OnnxSession } from '../onnx/session.ts';
import { ComponentAnalysis } from './component-graph.ts';
import { DECIDING_COMPONENTS, whereConfident, whereOwned } from './decide.ts';
import { BLOCK_POINTS, BLOCK_ROWS, blockSteps, fromBlocks, toBlocks } from './network/blocks.ts';
import { GuideTower, maxOverPlaces, maxOverTime } from './network/guide-tower.ts';
import { readCheckedFile, readSeparationManifest, type SeparationManifest } from './network/manifest.ts';
import { networkInput } from './network/network-input.ts';
import { writeAppearance, writeMotionSteps } from './network/query-input.ts';
import { appearanceWidth, motionWidth } from './network/visual-query.ts';
import type { Factorization } from './nmf.ts';

/** What was seen in five seconds of video, or in a part of its picture. */
export interface VisualGuide {
  /** The largest value over time of each feature, `[rows, columns, positionWidth]`. */
  places: Float32Array;
  rows: number;
  columns: number;
  embedding: Float32Array;
  /** Motion tokens on the mixture's clock; null where the picture is not of the moment that is heard. */
  motion: { data: Float32Array; rateHz: number } | null;
}

/** A window of a mixture after the audio analysis network. */
export interface HeardWindow {
  frames: number;
  /** `[frames, 256]`, as they were given. */
  magnitudes: Float32Array;
  /** `[frames / 2, 128 * 4, K]` */
  maps: Float32Array;
}

const POINTS = BLOCK_ROWS * BLOCK_POINTS;
/** The largest share of a mixture that a ratio mask gives. */
const RATIO_LIMIT = 5;

export class SeparationModel {
  readonly manifest: SeparationManifest;
  readonly #tower: GuideTower;
  readonly #maps: OnnxSession;
  readonly #query: OnnxSession;
  /** Opened when it is needed first: a picture that asks alone does without. */
  #analysis: Promise<ComponentAnalysis> | undefined;
  readonly #components = new WeakMap<HeardWindow, Promise<Factorization>>();

  private constructor(
    manifest: SeparationManifest,
    tower: GuideTower,
    maps: OnnxSession,
    query: OnnxSession,
  ) {
    this.manifest = manifest;
    this.#tower = tower;
    this.#maps = maps;
    this.#query = query;
  }

  /** @throws EarshotError `model_not_found`, `model_invalid`, `checkpoint_invalid` */
  static async load(folder: string): Promise<SeparationModel> {
    const manifest = await readSeparationManifest(folder);
    const { guide, serving } = manifest;
    const subject = `the separation model in ${folder}`;
    const tower = await GuideTower.open(await readCheckedFile(folder, guide), guide.video);
    const maps = await OnnxSession.open(await readCheckedFile(folder, serving.maps), { subject });
    const query = await OnnxSession.open(await readCheckedFile(folder, serving.query), { subject });
    return new SeparationModel(manifest, tower, maps, query);
  }

  /**
   * @param block    frames of the guide's rate and size, RGB; at most as many as the guide has steps
   * @param isInStep whether they are the picture of what will be heard, so that motion may decide
   */
  async look(block: PixelBlock, isInStep: boolean): Promise<VisualGuide> {
    const { video, motionSize } = this.manifest.guide;
    const { positionWidth } = this.manifest.network;
    const seen = await this.#tower.look(videoBatch([block], video, { size: motionSize }));
    return {
      places: maxOverTime(seen, positionWidth),
      rows: seen.rows,
      columns: seen.columns,
      embedding: seen.embedding,
      motion: isInStep ? { data: seen.steps, rateHz: video.rateHz } : null,
    };
  }

  /** @param magnitudes log-frequency magnitudes, `[frames, 256]`, an even number of frames */
  async hear(magnitudes: Float32Array): Promise<HeardWindow> {
    const frames = magnitudes.length / LOG_FREQUENCY_BINS;
    const mixture = new Float32Array(magnitudes.length);
    toBlocks(networkInput(magnitudes), frames, mixture, 0);
    const shape = [1, blockSteps(frames), BLOCK_ROWS, BLOCK_POINTS];
    const { maps } = await this.#maps.run({ mixture: { data: mixture, shape } });
    return { frames, magnitudes, maps: maps?.data as Float32Array };
  }

  /**
   * The mask of what the whole guide shows.
   *
   * @param rest what else is to be seen, so that points, and the mixture's components as a whole, go to the likelier of
   *   both; null: nothing is known of it. A guide that is not of the moment that is heard, and comes without a rest, may
   *   show what does not sound at all: of that little is let through. Masks of shares (`ratio`) are left as they are.
   * @returns `[frames, 256]`, not negative
   */
  async mask(heard: HeardWindow, guide: VisualGuide, rest: VisualGuide | null = null): Promise<Float32Array> {
    const own = await this.#maskOf(heard, guide);
    if (this.manifest.network.mask !== 'binary') return own;
    const { magnitudes } = heard;
    if (rest) {
      const others = await this.#maskOf(heard, rest);
      return whereOwned(own, others, magnitudes, await this.#componentsOf(heard));
    }
    return guide.motion ? own : whereConfident(own, magnitudes, await this.#componentsOf(heard));
  }

  /** Once for every window, however many questions are asked of it. */
  #componentsOf(heard: HeardWindow): Promise<Factorization> {
    const known = this.#components.get(heard);
    if (known) return known;
    this.#analysis ??= ComponentAnalysis.open(DECIDING_COMPONENTS);
    const components = this.#analysis.then((analysis) => analysis.factorize(heard.magnitudes));
    this.#components.set(heard, components);
    return components;
  }

  async #maskOf(heard: HeardWindow, { places, embedding, motion }: VisualGuide): Promise<Float32Array> {
    const positions = maxOverPlaces(places, this.manifest.network.positionWidth);
    const [mask] = await this.#masks(heard, [{ positions, embedding }], motion);
    return mask as Float32Array;
  }

  /**
   * The mask of every place of the picture, row by row: what each of them sounds like.
   *
   * @returns `rows * columns` masks of `[frames, 256]`
   */
  async masksOfPlaces(heard: HeardWindow, guide: VisualGuide): Promise<Float32Array[]> {
    const { positionWidth } = this.manifest.network;
    const queries = Array.from({ length: guide.rows * guide.columns }, (_, place) => ({
      positions: guide.places.subarray(place * positionWidth, (place + 1) * positionWidth),
      embedding: null,
    }));
    return this.#masks(heard, queries, null);
  }

  async dispose(): Promise<void> {
    await Promise.all([
      this.#tower.dispose(),
      this.#maps.dispose(),
      this.#query.dispose(),
      this.#analysis?.then((analysis) => analysis.dispose()),
    ]);
  }

  async #masks(
    { frames, maps }: HeardWindow,
    queries: readonly { positions: Float32Array; embedding: Float32Array | null }[],
    motion: VisualGuide['motion'],
  ): Promise<Float32Array[]> {
    const { network, bias } = this.manifest;
    const steps = blockSteps(frames);
    const appearance = new Float32Array(queries.length * appearanceWidth(network));
    const moves = new Float32Array(steps * queries.length * motionWidth(network));
    queries.forEach(({ positions, embedding }, q) => {
      writeAppearance(network, positions, embedding, appearance, q * appearanceWidth(network));
      const stride = queries.length * motionWidth(network);
      if (motion) writeMotionSteps(network, motion, 0, steps, moves, q * motionWidth(network), stride);
    });
    const { query } = await this.#query.run({
      appearance: { data: appearance, shape: [1, 1, queries.length, appearanceWidth(network)] },
      motion: { data: moves, shape: [1, steps, queries.length, motionWidth(network)] },
    });
    const weights = query?.data as Float32Array;
    return queries.map((_, q) => {
      const logits = innerProducts(maps, weights, { steps, query: q, queries: queries.length }, bias);
      return fromBlocks(network.mask === 'binary' ? logits.map(logistic) : logits.map(share), frames);
    });
  }
}

/** `z = sum_k query_k maps_k + bias` at every point, for one of the queries. */
function innerProducts(
  maps: Float32Array,
  weights: Float32Array,
  { steps, query, queries }: { steps: number; query: number; queries: number },
  bias: number,
): Float32Array {
  const width = weights.length / steps / queries;
  const out = new Float32Array(steps * POINTS);
  for (let step = 0; step < steps; step++) {
    const from = (step * queries + query) * width;
    for (let point = step * POINTS; point < (step + 1) * POINTS; point++) {
      let sum = bias;
      for (let k = 0; k < width; k++)
        sum += (maps[point * width + k] as number) * (weights[from + k] as number);
      out[point] = sum;
    }
  }
  return out;
}

function share(z: number): number {
  return Math.min(RATIO_LIMIT, Math.max(0, z));
}
