/** Sirens: two-tone horns, the slow wail and the fast yelp. */

import type { SeededRandom } from '#core/random';
import { CONTROL_RATE_HZ, PERFORMANCE_RATE_HZ, type SoundEvent } from '../../performance.ts';
import { midiOfHz, type SynthesisedSound, type SynthesisRequest } from './voice.ts';

interface Siren {
  kind: 'two-tone' | 'wail' | 'yelp';
  size: number;
  lowHz: number;
  highHz: number;
  periodSec: number;
  /** Share of a cycle in which the pitch rises. */
  rise: number;
  harmonics: number[];
}

/** A siren that sounds from `leadSec` on and is switched off before or at the end; an event is a cycle or a tone. */
export function synthesiseSiren({
  durationSec,
  leadSec,
  variant,
  unseen,
  random,
}: SynthesisRequest): SynthesisedSound {
  const siren = drawSiren(random, unseen);
  const offSec = durationSec - (random.next() < 0.5 ? 0.03 : random.uniform(0.2, 0.25 * durationSec));
  const events = cycleEvents(siren, leadSec, offSec, random);
  const samples = new Float32Array(Math.round(durationSec * PERFORMANCE_RATE_HZ));
  const pitchMidi = new Float32Array(Math.round(durationSec * CONTROL_RATE_HZ));
  const fromGain = random.uniform(0.35, 1);
  const toGain = random.uniform(0.35, 1);
  const start = Math.round(leadSec * PERFORMANCE_RATE_HZ);
  const end = Math.round(offSec * PERFORMANCE_RATE_HZ);
  let phase = 0;
  for (let i = start; i < end; i++) {
    const hz = pitchAt(siren, (i - start) / PERFORMANCE_RATE_HZ);
    phase += (2 * Math.PI * hz) / PERFORMANCE_RATE_HZ;
    const distance = fromGain + ((toGain - fromGain) * (i - start)) / (end - start);
    const edge = Math.min(1, (i - start + 1) / 160, (end - i) / 480);
    let value = 0;
    for (let k = 0; k < siren.harmonics.length && hz * (k + 1) < 7600; k++) {
      value += (siren.harmonics[k] as number) * Math.sin((k + 1) * phase);
    }
    samples[i] = edge * distance * value;
    pitchMidi[Math.floor((i * CONTROL_RATE_HZ) / PERFORMANCE_RATE_HZ)] = midiOfHz(hz);
  }
  return {
    timbreId: `siren-${siren.kind}:${variant}`,
    form: FORMS[siren.kind],
    bodySize: siren.size,
    samples,
    events,
    pitchMidi,
  };
}

/** The look of each kind. */
const FORMS = { 'two-tone': 'dome', wail: 'horn', yelp: 'bar' };

function drawSiren(random: SeededRandom, unseen: boolean): Siren {
  const kind = unseen ? 'yelp' : random.pick(['two-tone', 'wail'] as const);
  const size = random.next();
  const lowHz = 760 * 0.42 ** size * random.uniform(0.96, 1.04);
  const ratio = kind === 'two-tone' ? random.uniform(1.18, 1.5) : random.uniform(1.7, 2.9);
  const periodSec = {
    'two-tone': random.uniform(0.7, 1.7),
    wail: random.uniform(1.2, 2.2),
    yelp: random.uniform(0.35, 0.6),
  }[kind];
  const rolloff = random.uniform(0.7, 1.8);
  const harmonics = Array.from({ length: 9 }, (_, k) => random.uniform(0.4, 1) / (k + 1) ** rolloff);
  return { kind, size, lowHz, highHz: lowHz * ratio, periodSec, rise: random.uniform(0.3, 0.75), harmonics };
}

function pitchAt(siren: Siren, atSec: number): number {
  const cycle = atSec / siren.periodSec;
  const along = cycle - Math.floor(cycle);
  if (siren.kind === 'two-tone') return along < 0.5 ? siren.highHz : siren.lowHz;
  const height = along < siren.rise ? along / siren.rise : (1 - along) / (1 - siren.rise);
  return siren.lowHz * (siren.highHz / siren.lowHz) ** (0.5 - 0.5 * Math.cos(Math.PI * height));
}

function cycleEvents(siren: Siren, leadSec: number, offSec: number, random: SeededRandom): SoundEvent[] {
  const lengthSec = siren.kind === 'two-tone' ? siren.periodSec / 2 : siren.periodSec;
  const velocity = random.uniform(0.7, 1);
  const events: SoundEvent[] = [];
  for (let i = 0; leadSec + i * lengthSec < offSec - 0.05; i++) {
    const startSec = leadSec + i * lengthSec;
    const pitchMidi = midiOfHz(pitchAt(siren, (i + 0.5) * lengthSec));
    events.push({ startSec, endSec: Math.min(offSec, startSec + lengthSec), pitchMidi, velocity });
  }
  return events;
}
