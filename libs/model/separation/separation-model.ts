/**
 * Visually guided separation as it is served: what is seen asks the mixture's feature maps for its sound.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels"
 */

import { logistic } from '../calibration/platt.ts';
import { readCheckedFile } from '../checkpoint/checkpoint.ts';
import { decodeSafetensors } from '../checkpoint/safetensors.ts';
import { LOG_FREQUENCY_BINS } from '../front-ends/log-frequency.ts';
import { type PixelBlock, type VideoBatch, videoBatch } from '../front-ends/video-batch.ts';
import { OnnxSession, type OnnxTensor } from '../onnx/session.ts';
import { CELL_COUNT, cellMotion, LUMA_SIZE } from '../synchronization/cell-motion.ts';
import { MotionStream } from '../synchronization/stream.ts';
import { MotionStreamSession } from '../synchronization/stream-graph.ts';
import { Decision, type TakenApart } from './decide.ts';
import { BLOCK_POINTS, BLOCK_ROWS, blockSteps, fromBlocks, toBlocks } from './network/blocks.ts';
import { GuideTower, maxOverPlaces, maxOverTime } from './network/guide-tower.ts';
import { readSeparationManifest, type SeparationManifest } from './network/manifest.ts';
import { cellsOf } from './network/motion-cells.ts';
import { networkInput } from './network/network-input.ts';
import { type Tokens, writeAppearance, writeCellSteps, writeMotionSteps } from './network/query-input.ts';
import { appearanceWidth, motionWidth } from './network/visual-query.ts';

/** What was seen in five seconds of video, or in a part of its picture. */
export interface VisualGuide {
  /** The largest value over time of each feature, `[rows, columns, positionWidth]`. */
  places: Float32Array;
  rows: number;
  columns: number;
  embedding: Float32Array;
  /** Tokens on the mixture's clock, of all that is seen and of its cells; null: not the picture of what is heard. */
  motion: { tokens: Tokens; cells: Tokens } | null;
}

/** A window of a mixture after the audio analysis network. */
export interface HeardWindow {
  frames: number;
  /** `[frames, 256]`, as they were given. */
  magnitudes: Float32Array;
  /** Its features, the finest level first. */
  levels: Readonly<Record<string, OnnxTensor>>;
}

const POINTS = BLOCK_ROWS * BLOCK_POINTS;
/** The largest share of a mixture that a ratio mask gives. */
const RATIO_LIMIT = 5;

export class SeparationModel {
  readonly manifest: SeparationManifest;
  readonly #tower: GuideTower;
  readonly #stream: MotionStreamSession;
  readonly #hear: OnnxSession;
  readonly #answer: OnnxSession;
  /** Opened when it is needed first: a picture that asks alone does without. */
  #decision: Promise<Decision> | undefined;
  /** Of the last look, for the next one to write over; none while one is under way. */
  #batch: VideoBatch | null = null;
  readonly #takenApart = new WeakMap<HeardWindow, Promise<TakenApart>>();

  private constructor(
    manifest: SeparationManifest,
    seeing: { tower: GuideTower; stream: MotionStreamSession },
    hear: OnnxSession,
    answer: OnnxSession,
  ) {
    this.manifest = manifest;
    this.#tower = seeing.tower;
    this.#stream = seeing.stream;
    this.#hear = hear;
    this.#answer = answer;
  }

  /** @throws EarshotError `model_not_found`, `model_invalid`, `checkpoint_invalid` */
  static async load(folder: string): Promise<SeparationModel> {
    const manifest = await readSeparationManifest(folder);
    const { guide, serving } = manifest;
    const subject = `the separation model in ${folder}`;
    const tower = await GuideTower.open(await readCheckedFile(folder, guide), guide.video);
    const arrays = decodeSafetensors(await readCheckedFile(folder, guide.cells), subject);
    const stream = await MotionStreamSession.open(new MotionStream(arrays));
    const hear = await OnnxSession.open(await readCheckedFile(folder, serving.hear), { subject });
    const answer = await OnnxSession.open(await readCheckedFile(folder, serving.answer), { subject });
    return new SeparationModel(manifest, { tower, stream }, hear, answer);
  }

  /**
   * @param block    frames of the guide's rate and size, RGB; at most as many as the guide has steps
   * @param isInStep whether they are the picture of what will be heard, so that motion may decide
   */
  async look(block: PixelBlock, isInStep: boolean): Promise<VisualGuide> {
    const { video, motionSize } = this.manifest.guide;
    const { positionWidth } = this.manifest.network;
    const input = videoBatch([block], video, { size: motionSize }, this.#batch);
    this.#batch = null;
    const seen = await this.#tower.look(input);
    const motion = isInStep ? await this.#movesOf(block, seen.steps, input.luma) : null;
    this.#batch = input;
    return {
      places: maxOverTime(seen, positionWidth),
      rows: seen.rows,
      columns: seen.columns,
      embedding: seen.embedding,
      motion,
    };
  }

  /** @param luma of the block, at the guide's size for motion */
  async #movesOf(block: PixelBlock, steps: Float32Array, luma: Float32Array): Promise<VisualGuide['motion']> {
    const { video, motionSize } = this.manifest.guide;
    const { rateHz } = video;
    const cells = motionSize === LUMA_SIZE ? cellMotion(luma, block.count) : cellsOf(block, video);
    return {
      tokens: { data: steps, rateHz },
      cells: { data: await this.#stream.embed(cells), rateHz },
    };
  }

  /** @param magnitudes log-frequency magnitudes, `[frames, 256]`, an even number of frames */
  async hear(magnitudes: Float32Array): Promise<HeardWindow> {
    const frames = magnitudes.length / LOG_FREQUENCY_BINS;
    const mixture = new Float32Array(magnitudes.length);
    toBlocks(networkInput(magnitudes), frames, mixture, 0);
    const shape = [1, blockSteps(frames), BLOCK_ROWS, BLOCK_POINTS];
    const levels = await this.#hear.run({ mixture: { data: mixture, shape } });
    return { frames, magnitudes, levels };
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
    const { mask: kind, positionWidth } = this.manifest.network;
    const questions = [guide, ...(rest && kind === 'binary' ? [rest] : [])].map(
      ({ places, embedding, motion }) => ({
        positions: maxOverPlaces(places, positionWidth),
        embedding,
        motion,
      }),
    );
    const [own, others] = (await this.#masks(heard, questions)) as [Float32Array, Float32Array?];
    if (kind !== 'binary') return own;
    if (!others && guide.motion) return own;
    this.#decision ??= Decision.open();
    const decision = await this.#decision;
    const mixture = await this.#apart(heard, decision);
    return others ? decision.owned(own, others, mixture) : decision.confident(own, mixture);
  }

  /** Once for every window, however many questions are asked of it. */
  #apart(heard: HeardWindow, decision: Decision): Promise<TakenApart> {
    const known = this.#takenApart.get(heard);
    if (known) return known;
    const made = decision.takeApart(heard.magnitudes);
    this.#takenApart.set(heard, made);
    return made;
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
      motion: null,
    }));
    return this.#masks(heard, queries);
  }

  async dispose(): Promise<void> {
    await Promise.all([
      this.#tower.dispose(),
      this.#stream.dispose(),
      this.#hear.dispose(),
      this.#answer.dispose(),
      this.#decision?.then((decision) => decision.dispose()),
    ]);
  }

  async #masks({ frames, levels }: HeardWindow, questions: readonly Question[]): Promise<Float32Array[]> {
    const { network } = this.manifest;
    const { stepWidth, cellWidth, mask } = network;
    const [asks, steps] = [questions.length, blockSteps(frames)];
    const [looks, moves, cells] = [appearanceWidth(network), motionWidth(network), CELL_COUNT * cellWidth];
    const appearance = { data: new Float32Array(asks * looks), shape: [asks, 1, looks] };
    const motion = { data: new Float32Array(asks * steps * moves), shape: [asks, steps, moves] };
    const cellsMotion = {
      data: new Float32Array(asks * steps * cells),
      shape: [asks, CELL_COUNT, steps, cellWidth],
    };
    questions.forEach(({ positions, embedding, motion: moving }, ask) => {
      writeAppearance(network, positions, embedding, appearance.data, ask * looks);
      if (!moving) return;
      const stretch = { startSec: 0, steps };
      writeMotionSteps(moving.tokens, stepWidth, stretch, motion.data, ask * steps * moves);
      writeCellSteps(moving.cells, cellWidth, stretch, cellsMotion.data, ask * steps * cells);
    });
    const { logits } = await this.#answer.run({ ...levels, appearance, motion, cells: cellsMotion });
    const all = logits?.data as Float32Array;
    return questions.map((_, ask) => {
      const own = all.subarray(ask * steps * POINTS, (ask + 1) * steps * POINTS);
      activate(own, mask);
      return fromBlocks(own, frames);
    });
  }
}

/** What is asked with: features of what is seen, and how it moves. */
interface Question {
  positions: Float32Array;
  /** Null: a position alone. */
  embedding: Float32Array | null;
  motion: VisualGuide['motion'];
}

/** From what the network answers to a mask, in place. */
function activate(values: Float32Array, kind: 'binary' | 'ratio'): void {
  // Two plain loops: a function called on every value hands each over as a number on the heap.
  if (kind === 'binary') {
    for (let i = 0; i < values.length; i++) values[i] = logistic(values[i] as number);
    return;
  }
  for (let i = 0; i < values.length; i++) values[i] = Math.min(RATIO_LIMIT, Math.max(0, values[i] as number));
}
