/** A localization head asked about decoded clips, before any calibration. */
import type { FrontEnds } from '#model/checkpoint/manifest';
import { LogMelFrontEnd } from '#model/front-ends/log-mel';
import { logMelBatch } from '#model/front-ends/log-mel-batch';
import type { PixelBlock } from '#model/front-ends/video-batch';
import { localizationInput } from '#model/localization/localization-input';
import type { Localizer } from '#model/localization/localizer';
import { OnnxSession, type OnnxTensor } from '#model/onnx/session';
import { type ClipMedia, decodeBeginning } from '../decode-beginning.ts';

export interface ProbeParts {
  frontEnds: FrontEnds;
  segmentSec: number;
  /** Graph of the audio tower. */
  audioGraph: Uint8Array;
  localizer: Localizer;
}

export class HeadProbe {
  readonly #parts: ProbeParts;
  readonly #audio: OnnxSession;
  readonly #logMel: LogMelFrontEnd;

  private constructor(parts: ProbeParts, audio: OnnxSession) {
    this.#parts = parts;
    this.#audio = audio;
    this.#logMel = new LogMelFrontEnd(parts.frontEnds.audio);
  }

  static async open(parts: ProbeParts): Promise<HeadProbe> {
    return new HeadProbe(parts, await OnnxSession.open(parts.audioGraph));
  }

  /** The first segment, picture and sound in one pass. */
  async media(file: string, signal?: AbortSignal): Promise<ClipMedia> {
    const { frontEnds, segmentSec } = this.#parts;
    const { sampleRateHz } = frontEnds.audio;
    return decodeBeginning(file, { lengthSec: segmentSec, video: frontEnds.video, sampleRateHz, signal });
  }

  /** @returns logits `[chosen, side, side]` */
  async logits(block: PixelBlock, samples: Float32Array, chosen: readonly number[]): Promise<Float32Array> {
    const { frontEnds, localizer } = this.#parts;
    const { frames, bands } = frontEnds.audio;
    const logMel = logMelBatch(this.#logMel, [samples], frontEnds.audio);
    const shape = [1, frames, bands, 1];
    const { embedding } = await this.#audio.run({ log_mel: { data: logMel, shape } }, ['embedding']);
    const input = localizationInput(block, logMel, frontEnds, chosen);
    return localizer.logits(input, (embedding as OnnxTensor).data as Float32Array);
  }

  dispose(): void {
    void this.#audio.dispose().catch(() => undefined);
  }
}
