/** Barking dogs: a glottal pulse train with breath noise, through the formants of an opening muzzle. */

import type { SeededRandom } from '#core/random';
import { PERFORMANCE_RATE_HZ, type SoundEvent } from '../../performance.ts';
import { Resonator } from './partials.ts';
import { midiOfHz, type SynthesisedSound, type SynthesisRequest } from './voice.ts';

interface Dog {
  /** 0 a lapdog .. 1 a mastiff. */
  size: number;
  pitchHz: number;
  lengthSec: number;
  /** Share of noise in the voice. */
  breath: number;
  /** Scales all formants: large for small heads. */
  head: number;
  /** How far the pitch rises towards the middle of a bark, in octaves. */
  arch: number;
  attackSec: number;
}

/** Bursts of one to three barks of one dog, with pauses between the bursts. */
export function synthesiseDog({ durationSec, leadSec, variant, random }: SynthesisRequest): SynthesisedSound {
  const samples = new Float32Array(Math.round(durationSec * PERFORMANCE_RATE_HZ));
  const dog = drawDog(random);
  const gapSec = random.uniform(0.1, 0.28);
  const wanted = random.integer(4, 14);
  const events: SoundEvent[] = [];
  const sound = { timbreId: `bark:${variant}`, bodySize: dog.size, samples, events };
  let startSec = leadSec;
  while (events.length < wanted) {
    const burst = random.integer(1, 4);
    for (let i = 0; i < burst && events.length < wanted; i++) {
      const lengthSec = dog.lengthSec * random.uniform(0.85, 1.15);
      const endSec = startSec + lengthSec;
      if (endSec > durationSec - 0.05) return sound;
      const velocity = random.uniform(0.6, 1);
      const pitchHz = dog.pitchHz * random.uniform(0.93, 1.07);
      bark(samples, { ...dog, pitchHz, lengthSec }, startSec, velocity, random);
      events.push({ startSec, endSec, pitchMidi: midiOfHz(pitchHz * 2 ** (dog.arch / 2)), velocity });
      startSec = endSec + gapSec * random.uniform(0.8, 1.3);
    }
    startSec += random.uniform(0.3, 1.1);
  }
  return sound;
}

function drawDog(random: SeededRandom): Dog {
  const size = random.next();
  return {
    size,
    pitchHz: 620 * 0.22 ** size * random.uniform(0.9, 1.1),
    lengthSec: 0.09 + 0.14 * size * random.uniform(0.6, 1.2),
    breath: random.uniform(0.15, 0.6),
    head: 1.45 - 0.7 * size,
    arch: random.uniform(0.15, 0.7),
    attackSec: random.uniform(0.004, 0.014),
  };
}

function bark(samples: Float32Array, dog: Dog, startSec: number, gain: number, random: SeededRandom): void {
  const start = Math.round(startSec * PERFORMANCE_RATE_HZ);
  const length = Math.round(dog.lengthSec * PERFORMANCE_RATE_HZ);
  const attack = dog.attackSec * PERFORMANCE_RATE_HZ;
  const formants = [new Resonator(), new Resonator(), new Resonator()] as const;
  const roughness = random.uniform(0, 0.12);
  let phase = 0;
  for (let i = 0; i < length && start + i < samples.length; i++) {
    const along = i / length;
    const opening = Math.sin(Math.PI * Math.min(1, along * 1.15 + 0.1)) ** 0.8;
    const hz = dog.pitchHz * 2 ** (dog.arch * Math.sin(Math.PI * Math.min(1, 0.15 + along)));
    phase += (hz * (1 + roughness * random.uniform(-1, 1))) / PERFORMANCE_RATE_HZ;
    phase -= Math.floor(phase);
    // A pulse with a sharp closure: open for 60 % of the cycle.
    const open = phase / 0.6;
    const glottal = open < 1 ? 3 * open * open * (1 - open) * 2.2 - 0.4 : -0.4;
    const source = (1 - dog.breath) * glottal + dog.breath * random.uniform(-1, 1);
    const voice =
      formants[0].step(source, dog.head * (380 + 520 * opening), 160) * 1.4 +
      formants[1].step(source, dog.head * (1050 + 500 * opening), 260) +
      formants[2].step(source, Math.min(7000, dog.head * 2700), 420) * 0.6;
    const envelope = Math.min(1, i / attack) * (1 - along) ** 0.7 * (0.4 + 0.6 * opening);
    samples[start + i] = (samples[start + i] as number) + gain * envelope * voice;
  }
}
