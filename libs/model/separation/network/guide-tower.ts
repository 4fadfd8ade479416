/**
 * Video analysis network (VAN): a trained video tower, frozen, as the eye of separation. It answers the features of
 * every position of the picture (output stride 16), the embedding of the whole, and a token for each motion step.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels", section 3.1
 */
import { EarshotError } from '#core/errors';
import type { FrontEnds } from '../../checkpoint/manifest.ts';
import type { VideoBatch } from '../../front-ends/video-batch.ts';
import { OnnxSession, type OnnxTensor } from '../../onnx/session.ts';

/** One look at a stretch of video, or at a part of its picture. */
export interface Seen {
  /** Unit vectors of each colour frame's positions, `[frames, rows, columns, positionWidth]`. */
  positions: Float32Array;
  rows: number;
  columns: number;
  /** `[embeddingWidth]`, unit length. */
  embedding: Float32Array;
  /** `[steps, stepWidth]`, at the model's frame rate. */
  steps: Float32Array;
}

export class GuideTower {
  readonly #session: OnnxSession;
  readonly #video: FrontEnds['video'];

  private constructor(session: OnnxSession, video: FrontEnds['video']) {
    this.#session = session;
    this.#video = video;
  }

  /**
   * @param graph bytes of a video tower's `.onnx` file, with positions
   * @throws EarshotError `model_invalid`
   */
  static async open(graph: Uint8Array, video: FrontEnds['video']): Promise<GuideTower> {
    const session = await OnnxSession.open(graph, { subject: 'the video tower that guides separation' });
    const missing = ['positions', 'embedding', 'steps'].find((name) => !session.outputNames.includes(name));
    if (missing === undefined) return new GuideTower(session, video);
    await session.dispose();
    throw new EarshotError('model_invalid', `The video tower that guides separation has no "${missing}".`);
  }

  /** @param input of one segment */
  async look({ frames, frameTimesSec, motion, motionTimesSec }: VideoBatch): Promise<Seen> {
    const { width, height } = this.#video;
    const frameCount = frameTimesSec.length;
    const inputs: Record<string, OnnxTensor> = {
      frames: { data: frames, shape: [frameCount, height, width, 3] },
      frame_times_sec: { data: frameTimesSec, shape: [1, frameCount] },
      map_frames: {
        data: BigInt64Array.from({ length: frameCount }, (_, i) => BigInt(i)),
        shape: [frameCount],
      },
    };
    if (motion) {
      inputs.motion = motion;
      inputs.motion_times_sec = { data: motionTimesSec, shape: [1, motionTimesSec.length] };
    }
    const outputs = await this.#session.run(inputs, ['positions', 'embedding', 'steps']);
    const [positions, embedding, steps] = ['positions', 'embedding', 'steps'].map(
      (name) => outputs[name] as OnnxTensor,
    ) as [OnnxTensor, OnnxTensor, OnnxTensor];
    return {
      positions: positions.data as Float32Array,
      rows: positions.shape[1] as number,
      columns: positions.shape[2] as number,
      embedding: embedding.data as Float32Array,
      steps: steps.data as Float32Array,
    };
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }
}

/** Temporal max-pool: the largest value of each feature over all frames, `[places, width]`. */
export function maxOverTime({ positions, rows, columns }: Seen, width: number): Float32Array {
  const perFrame = rows * columns * width;
  return maxOverRows(positions, perFrame);
}

/** And over places: `[width]`. */
export function maxOverPlaces(places: Float32Array, width: number): Float32Array {
  return maxOverRows(places, width);
}

/** @param values `[rows, width]` */
function maxOverRows(values: Float32Array, width: number): Float32Array {
  const out = values.slice(0, width);
  for (let row = width; row < values.length; row += width) {
    for (let i = 0; i < width; i++) out[i] = Math.max(out[i] as number, values[row + i] as number);
  }
  return out;
}
