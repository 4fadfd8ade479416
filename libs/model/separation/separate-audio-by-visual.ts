/** Separation of a waveform by frames: the library's own form, without files. */
import { EarshotError } from '#core/errors';
import type { PixelBlock } from '../front-ends/video-batch.ts';
import { separateBlocks } from './overlap-add.ts';
import type { SeparationModel, VisualGuide } from './separation-model.ts';

export interface SeparatedAudio {
  /** One array a channel, as long as the mixture. */
  target: Float32Array[];
  /** The mixture less the target. */
  residual: Float32Array[];
}

export interface SeparationGuide {
  /** RGB frames of the guide's rate and size, `[count, height, width, 3]`: of the whole picture or a region of it. */
  frames: PixelBlock;
  /** Whether frame 0 is what was seen as sample 0 was heard; false for a picture of something like it. */
  isInStep: boolean;
  /**
   * Frames of the rest of the picture, see `withoutPart`: what competes for the mixture with what is asked for. With
   * them a region is told apart far better.
   */
  rest?: PixelBlock | null;
}

/**
 * What is seen, heard alone.
 *
 * @param mixture one array a channel, at any rate from 4 kHz
 * @returns target and residual; together they are the mixture to 1e-4, with its length and channels
 * @throws EarshotError `invalid_argument` for a rate or a number of channels that cannot be, or without frames
 * @see Zhao et al. 2018, "The Sound of Pixels"; Zhao et al. 2019, "The Sound of Motions"
 */
export async function separateAudioByVisual(
  model: SeparationModel,
  mixture: Float32Array[],
  sampleRateHz: number,
  { frames, isInStep, rest = null }: SeparationGuide,
): Promise<SeparatedAudio> {
  if (frames.count < 1) throw new EarshotError('invalid_argument', 'Separation needs a picture to go by.');
  const own = new Stretches(model, frames, isInStep);
  const others = rest && new Stretches(model, rest, isInStep);
  const length = mixture[0]?.length ?? 0;
  const target = mixture.map(() => new Float32Array(length));
  const residual = mixture.map(() => new Float32Array(length));
  const blocks = separateBlocks([mixture], {
    sampleRateHz,
    channels: mixture.length,
    mask: async ({ startSec, magnitudes }) =>
      model.mask(await model.hear(magnitudes), await own.at(startSec), others && (await others.at(startSec))),
  });
  for await (const block of blocks) {
    block.target.forEach((samples, c) => {
      target[c]?.set(samples, block.startSample);
    });
    block.residual.forEach((samples, c) => {
      residual[c]?.set(samples, block.startSample);
    });
  }
  return { target, residual };
}

/** The five seconds of frames that belong to a window; those of a picture out of step are looked at once. */
class Stretches {
  readonly #model: SeparationModel;
  readonly #frames: PixelBlock;
  readonly #isInStep: boolean;
  #only: VisualGuide | null = null;

  constructor(model: SeparationModel, frames: PixelBlock, isInStep: boolean) {
    this.#model = model;
    this.#frames = frames;
    this.#isInStep = isInStep;
  }

  async at(startSec: number): Promise<VisualGuide> {
    const { steps, video } = this.#model.manifest.guide;
    if (this.#isInStep)
      return this.#model.look(stretchOf(this.#frames, startSec * video.rateHz, steps), true);
    this.#only ??= await this.#model.look(stretchOf(this.#frames, 0, steps), false);
    return this.#only;
  }
}

/** `count` frames from a place on, the last one held. */
function stretchOf({ data, count: all }: PixelBlock, first: number, count: number): PixelBlock {
  const size = data.length / all;
  const out = data instanceof Uint8Array ? new Uint8Array(count * size) : new Float32Array(count * size);
  for (let i = 0; i < count; i++) {
    const from = Math.min(all - 1, Math.max(0, Math.round(first) + i)) * size;
    out.set(data.subarray(from, from + size), i * size);
  }
  return { data: out, count };
}
