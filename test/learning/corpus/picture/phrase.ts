/** A made-up performance for the picture tests: silence, then evenly spaced events of changing pitch. */
import type { Performance, SoundClass, SoundEvent } from '#learning/corpus/performance';
import { CONTROL_RATE_HZ } from '#learning/corpus/performance';

/** When the first event of `phrase` begins; before it nothing sounds. */
export const FIRST_ONSET_SEC = 2;

export function phrase(soundClass: SoundClass, gapSec = 0.5): Performance {
  const durationSec = 5;
  const events: SoundEvent[] = [];
  for (let startSec = FIRST_ONSET_SEC; startSec < durationSec - gapSec; startSec += gapSec) {
    const pitchMidi = 52 + ((events.length * 5) % 30);
    events.push({ startSec, endSec: startSec + gapSec * 0.7, pitchMidi, velocity: 0.8 });
  }
  const loudness = new Float32Array(durationSec * CONTROL_RATE_HZ);
  const pitchMidi = new Float32Array(loudness.length);
  for (const event of events) {
    const from = Math.round(event.startSec * CONTROL_RATE_HZ);
    loudness.fill(0.8, from, Math.round(event.endSec * CONTROL_RATE_HZ));
    pitchMidi.fill(event.pitchMidi!, from, Math.round(event.endSec * CONTROL_RATE_HZ));
  }
  return {
    soundClass,
    split: 'train',
    phraseId: 'even',
    timbreId: 'none',
    form: '',
    bodySize: 0.5,
    venue: 'studio',
    durationSec,
    samples: new Float32Array(1),
    events,
    loudness,
    pitchMidi,
    recording: null,
  };
}
