/** The trunk and the grouping network on ONNX Runtime: what serves. */
import type { FrontEnds } from '../checkpoint/manifest.ts';
import { type LocalizationInput, mapSide } from '../localization/localization-input.ts';
import { EVIDENCE_CHANNELS } from '../localization/motion-evidence.ts';
import type { GroupingLogits, SourceLocalizer } from '../localization/source-localizer.ts';
import { floatOutput, OnnxSession } from './session.ts';

export class OnnxSourceLocalizer implements SourceLocalizer {
  readonly #session: OnnxSession;
  readonly #video: FrontEnds['video'];
  readonly #stepWidth: number;

  private constructor(session: OnnxSession, video: FrontEnds['video'], stepWidth: number) {
    this.#session = session;
    this.#video = video;
    this.#stepWidth = stepWidth;
  }

  /**
   * @param graph     bytes of the `.onnx` file that `groupingGraph` wrote
   * @param stepWidth of the audio tower's steps
   * @param subject   the model's name or folder, for errors
   * @throws EarshotError `model_invalid`
   */
  static async open(
    graph: Uint8Array,
    frontEnds: FrontEnds,
    stepWidth: number,
    subject: string,
  ): Promise<OnnxSourceLocalizer> {
    const session = await OnnxSession.open(graph, { subject: `the grouping head of ${subject}` });
    return new OnnxSourceLocalizer(session, frontEnds.video, stepWidth);
  }

  async logits({ count, frames, evidence }: LocalizationInput, steps: Float32Array): Promise<GroupingLogits> {
    const { width, height } = this.#video;
    const side = mapSide(this.#video);
    const answer = await this.#session.run({
      frames: { data: frames, shape: [count, height, width, 3] },
      evidence: { data: evidence, shape: [count, side, side, EVIDENCE_CHANNELS] },
      steps: { data: steps, shape: [1, steps.length / this.#stepWidth, this.#stepWidth] },
    });
    const floats = (name: string) => floatOutput(answer, name, 'grouping').data;
    return { places: floats('logits'), heard: floats('heard'), seen: floats('seen') };
  }

  dispose(): void {
    void this.#session.dispose().catch(() => undefined);
  }
}
