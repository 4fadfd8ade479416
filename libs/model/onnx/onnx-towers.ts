/** The towers on ONNX Runtime: what serves. */
import type { FrontEnds } from '../checkpoint/manifest.ts';
import type { VideoBatch } from '../front-ends/video-batch.ts';
import type { FloatTensor, TowerBackend, TowerResult, VideoTowerResult } from '../towers/tower-backend.ts';
import { floatOutput, OnnxSession, type OnnxTensor } from './session.ts';

export interface TowerGraphs {
  /** Bytes of the `.onnx` file that `audioTowerGraph` wrote. */
  audio: Uint8Array;
  video: Uint8Array;
}

export class OnnxTowers implements TowerBackend {
  readonly #audio: OnnxSession;
  readonly #video: OnnxSession;
  readonly #frontEnds: FrontEnds;

  private constructor(audio: OnnxSession, video: OnnxSession, frontEnds: FrontEnds) {
    this.#audio = audio;
    this.#video = video;
    this.#frontEnds = frontEnds;
  }

  /**
   * @param options `threads` inside one operator, default 1; `subject`: the model's name or folder, for errors
   * @throws EarshotError `model_invalid`
   */
  static async open(
    graphs: TowerGraphs,
    frontEnds: FrontEnds,
    options: { threads?: number; subject: string },
  ): Promise<OnnxTowers> {
    const { threads, subject } = options;
    const audio = await OnnxSession.open(graphs.audio, { threads, subject: `the audio tower of ${subject}` });
    try {
      const video = await OnnxSession.open(graphs.video, {
        threads,
        subject: `the video tower of ${subject}`,
      });
      return new OnnxTowers(audio, video, frontEnds);
    } catch (error) {
      await audio.dispose();
      throw error;
    }
  }

  async audio(logMel: Float32Array, batch: number): Promise<TowerResult> {
    const { bands } = this.#frontEnds.audio;
    const shape = [batch, logMel.length / batch / bands, bands, 1];
    return towerResult(await this.#audio.run({ log_mel: { data: logMel, shape } }));
  }

  async video(
    input: VideoBatch,
    batch: number,
    mapFrames: readonly number[] = [],
  ): Promise<VideoTowerResult> {
    const { width, height } = this.#frontEnds.video;
    const { frames, frameTimesSec, motion, motionTimesSec } = input;
    const inputs: Record<string, OnnxTensor> = {
      frames: { data: frames, shape: [frameTimesSec.length, height, width, 3] },
      frame_times_sec: { data: frameTimesSec, shape: [batch, frameTimesSec.length / batch] },
      map_frames: { data: BigInt64Array.from(mapFrames, BigInt), shape: [mapFrames.length] },
    };
    if (motion) {
      inputs.motion = motion;
      inputs.motion_times_sec = { data: motionTimesSec, shape: [batch, motionTimesSec.length / batch] };
    }
    const outputs = await this.#video.run(inputs);
    return {
      ...towerResult(outputs),
      map: floats(outputs, 'map'),
      positions: outputs.positions ? floats(outputs, 'positions') : null,
    };
  }

  dispose(): void {
    // Nobody waits for memory to be freed; a failure would say nothing that could still be acted upon.
    void Promise.allSettled([this.#audio.dispose(), this.#video.dispose()]);
  }
}

function towerResult(outputs: Record<string, OnnxTensor>): TowerResult {
  return {
    embedding: floats(outputs, 'embedding'),
    steps: floats(outputs, 'steps'),
    alignment: outputs.alignment ? floats(outputs, 'alignment') : null,
  };
}

function floats(outputs: Record<string, OnnxTensor>, name: string): FloatTensor {
  return floatOutput(outputs, name, "tower's");
}
