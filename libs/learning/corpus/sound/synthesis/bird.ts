/** Birdsong: motifs of whistled syllables, gliding, trilled or warbled. */

import type { SeededRandom } from '#core/random';
import { CONTROL_RATE_HZ, PERFORMANCE_RATE_HZ } from '../../performance.ts';
import { midiOfHz, type SynthesisedSound, type SynthesisRequest } from './voice.ts';

interface Syllable {
  lengthSec: number;
  startHz: number;
  endHz: number;
  /** Height of the bow between start and end, in octaves. */
  arch: number;
  /** Frequency modulation: octaves and rate. */
  warble: number;
  warbleHz: number;
  /** Repetitions a second for a trill, else 0. */
  trillHz: number;
  /** Level of the second harmonic. */
  overtone: number;
}

/** One bird's motif, repeated with small changes and with pauses. */
export function synthesiseBird({
  durationSec,
  leadSec,
  variant,
  random,
}: SynthesisRequest): SynthesisedSound {
  const samples = new Float32Array(Math.round(durationSec * PERFORMANCE_RATE_HZ));
  const pitchMidi = new Float32Array(Math.round(durationSec * CONTROL_RATE_HZ));
  const height = random.next();
  const centreHz = 1700 * 3.3 ** height;
  const overtone = random.next() < 0.5 ? 0 : random.uniform(0.03, 0.3);
  const motif = Array.from({ length: random.integer(1, 5) }, () => drawSyllable(centreHz, overtone, random));
  const gapSec = random.uniform(0.04, 0.22);
  const wanted = random.integer(5, 15);
  const sound: SynthesisedSound = {
    timbreId: `bird:${variant}`,
    bodySize: 1 - height,
    samples,
    events: [],
    pitchMidi,
  };
  let startSec = leadSec;
  while (sound.events.length < wanted) {
    for (const syllable of motif) {
      const sung = { ...syllable, lengthSec: syllable.lengthSec * random.uniform(0.92, 1.08) };
      const endSec = startSec + sung.lengthSec;
      if (endSec > durationSec - 0.03 || sound.events.length >= wanted) return sound;
      const velocity = random.uniform(0.6, 1);
      sing(sound, sung, startSec, velocity);
      const middleHz = Math.sqrt(sung.startHz * sung.endHz) * 2 ** sung.arch;
      sound.events.push({ startSec, endSec, pitchMidi: midiOfHz(middleHz), velocity });
      startSec = endSec + gapSec * random.uniform(0.8, 1.25);
    }
    startSec += random.uniform(0.15, 1);
  }
  return sound;
}

function drawSyllable(centreHz: number, overtone: number, random: SeededRandom): Syllable {
  const near = () => centreHz * 2 ** random.uniform(-0.45, 0.45);
  const kind = random.pick(['glide', 'glide', 'arch', 'trill', 'warble', 'note'] as const);
  const startHz = near();
  return {
    lengthSec: kind === 'trill' || kind === 'warble' ? random.uniform(0.25, 0.7) : random.uniform(0.06, 0.3),
    startHz,
    endHz: kind === 'note' ? startHz : near(),
    arch: kind === 'arch' ? random.uniform(-0.5, 0.5) : 0,
    warble: kind === 'warble' ? random.uniform(0.05, 0.25) : 0,
    warbleHz: random.uniform(18, 60),
    trillHz: kind === 'trill' ? random.uniform(9, 26) : 0,
    overtone,
  };
}

function sing(sound: SynthesisedSound, syllable: Syllable, startSec: number, gain: number): void {
  const { samples } = sound;
  const pitchMidi = sound.pitchMidi as Float32Array;
  const start = Math.round(startSec * PERFORMANCE_RATE_HZ);
  const length = Math.round(syllable.lengthSec * PERFORMANCE_RATE_HZ);
  const rise = 0.006 * PERFORMANCE_RATE_HZ;
  let phase = 0;
  for (let i = 0; i < length; i++) {
    const atSec = i / PERFORMANCE_RATE_HZ;
    // A trill is the same short glide again and again.
    const beat = syllable.trillHz * atSec;
    const along = syllable.trillHz > 0 ? beat - Math.floor(beat) : i / length;
    const bow = syllable.arch * Math.sin(Math.PI * along);
    const warble = syllable.warble * Math.sin(2 * Math.PI * syllable.warbleHz * atSec);
    const glide = Math.log2(syllable.endHz / syllable.startHz) * along;
    const hz = Math.min(7600, syllable.startHz * 2 ** (glide + bow + warble));
    phase += (2 * Math.PI * hz) / PERFORMANCE_RATE_HZ;
    const edge = Math.min(1, (i + 1) / rise, (length - i) / (2 * rise));
    const pulse = syllable.trillHz > 0 ? Math.sin(Math.PI * Math.min(1, along / 0.75)) : 1;
    const overtone = hz < 3900 ? syllable.overtone * Math.sin(2 * phase) : 0;
    const at = start + i;
    samples[at] = (samples[at] as number) + gain * edge * pulse * (Math.sin(phase) + overtone);
    pitchMidi[Math.floor((at * CONTROL_RATE_HZ) / PERFORMANCE_RATE_HZ)] = midiOfHz(hz);
  }
}
