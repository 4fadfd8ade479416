/** The classes of which some timbres and looks are kept for the split of unseen objects. */
import { SOUND_CLASSES, type SoundClass } from '../performance.ts';
import { INSTRUMENTS } from './instruments.ts';

/** Synthesised classes that answer `SynthesisRequest.unseen`. */
const SYNTHESISED: readonly SoundClass[] = ['hammer', 'siren'];

export const UNSEEN_CLASSES: readonly SoundClass[] = SOUND_CLASSES.filter(
  (soundClass) =>
    SYNTHESISED.includes(soundClass) ||
    INSTRUMENTS[soundClass]?.presets.some(({ unseen }) => unseen === true),
);
