/** The trunk and the localization head on ONNX Runtime: what serves. */
import type { FrontEnds } from '../checkpoint/manifest.ts';
import { type LocalizationInput, mapSide } from '../localization/localization-input.ts';
import type { Localizer } from '../localization/localizer.ts';
import { EVIDENCE_CHANNELS } from '../localization/motion-evidence.ts';
import { floatOutput, OnnxSession } from './session.ts';

export class OnnxLocalizer implements Localizer {
  readonly #session: OnnxSession;
  readonly #video: FrontEnds['video'];

  private constructor(session: OnnxSession, video: FrontEnds['video']) {
    this.#session = session;
    this.#video = video;
  }

  /**
   * @param graph   bytes of the `.onnx` file that `localizationGraph` wrote
   * @param subject the model's name or folder, for errors
   * @throws EarshotError `model_invalid`
   */
  static async open(graph: Uint8Array, frontEnds: FrontEnds, subject: string): Promise<OnnxLocalizer> {
    const session = await OnnxSession.open(graph, { subject: `the localization head of ${subject}` });
    return new OnnxLocalizer(session, frontEnds.video);
  }

  async logits({ count, frames, evidence }: LocalizationInput, audio: Float32Array): Promise<Float32Array> {
    const { width, height } = this.#video;
    const side = mapSide(this.#video);
    const heard = new Float32Array(count * audio.length);
    for (let i = 0; i < count; i++) heard.set(audio, i * audio.length);
    const answer = await this.#session.run({
      frames: { data: frames, shape: [count, height, width, 3] },
      evidence: { data: evidence, shape: [count, side, side, EVIDENCE_CHANNELS] },
      audio: { data: heard, shape: [count, audio.length] },
    });
    return floatOutput(answer, 'logits', 'localization').data;
  }

  dispose(): void {
    void this.#session.dispose().catch(() => undefined);
  }
}
