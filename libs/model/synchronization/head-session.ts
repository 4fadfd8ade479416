/** The synchronisation head as it serves: its streams on the runtime. */
import { MotionStreamSession, SoundStreamSession } from './stream-graph.ts';
import {
  type PlaceEvidence,
  type ShiftEvidence,
  type SoundPlacement,
  type SynchronizationHead,
  shiftsOf,
} from './synchronization-head.ts';

/** Answers as the head does, but for rounding, and several times as fast. */
export class SynchronizationSession {
  readonly #head: SynchronizationHead;
  readonly #sound: SoundStreamSession;
  readonly #motion: MotionStreamSession;

  private constructor(head: SynchronizationHead, sound: SoundStreamSession, motion: MotionStreamSession) {
    this.#head = head;
    this.#sound = sound;
    this.#motion = motion;
  }

  static async open(head: SynchronizationHead): Promise<SynchronizationSession> {
    const sound = await SoundStreamSession.open(head.sound);
    return new SynchronizationSession(head, sound, await MotionStreamSession.open(head.motion));
  }

  /** As `SynchronizationHead.evidence`, with its errors. */
  async evidence(
    sound: Float32Array,
    motion: Float32Array,
    placed: SoundPlacement = {},
  ): Promise<ShiftEvidence> {
    return shiftsOf(await this.placeEvidence(sound, motion, placed));
  }

  /** As `SynchronizationHead.placeEvidence`, with its errors. */
  async placeEvidence(
    sound: Float32Array,
    motion: Float32Array,
    placed: SoundPlacement = {},
  ): Promise<PlaceEvidence> {
    const search = this.#head.searchOf(sound, motion, placed);
    const heard = await this.#sound.embed(sound, search.extent.soundSteps);
    return this.#head.compare(heard, await this.#motion.embed(motion), search);
  }

  async dispose(): Promise<void> {
    await this.#sound.dispose();
    await this.#motion.dispose();
  }
}
