/** Hammer blows on wood, metal or stone. */

import { PERFORMANCE_RATE_HZ } from '../../performance.ts';
import { addNoiseBurst, type Mode, strike } from './partials.ts';
import type { SynthesisedSound, SynthesisRequest } from './voice.ts';

interface Material {
  hz: readonly [number, number];
  decaySec: readonly [number, number];
  modes: readonly [number, number];
  click: readonly [number, number];
}

const MATERIALS: Record<'wood' | 'metal' | 'stone', Material> = {
  wood: { hz: [140, 1900], decaySec: [0.06, 0.22], modes: [4, 9], click: [0.2, 0.8] },
  metal: { hz: [420, 6800], decaySec: [0.2, 1.3], modes: [6, 13], click: [0.1, 0.5] },
  stone: { hz: [700, 5200], decaySec: [0.03, 0.12], modes: [5, 11], click: [0.8, 2] },
};

/** Up to a dozen blows, with pauses as a worker makes them. */
export function synthesiseHammer({
  durationSec,
  leadSec,
  variant,
  unseen,
  random,
}: SynthesisRequest): SynthesisedSound {
  const samples = new Float32Array(Math.round(durationSec * PERFORMANCE_RATE_HZ));
  const name = unseen ? 'stone' : random.pick(['wood', 'metal'] as const);
  const material = MATERIALS[name];
  const size = random.next();
  const modes = drawModes(material, size, random);
  const clickGain = random.uniform(...material.click);
  const clickHz = random.uniform(600, 4500);
  const clickSec = random.uniform(0.004, 0.02);
  const longestSec = Math.max(...modes.map((mode) => mode.decaySec));
  const paceSec = random.uniform(0.22, 0.85);
  const wanted = random.integer(4, 14);
  const events = [];
  for (let startSec = leadSec; startSec < durationSec - 0.2 && events.length < wanted; ) {
    const velocity = random.uniform(0.45, 1);
    // Every blow lands elsewhere, and so excites the modes differently.
    const excited = modes.map((mode) => ({ ...mode, gain: mode.gain * random.uniform(0.5, 1) }));
    strike(samples, startSec, excited, velocity);
    const click = {
      atSec: startSec,
      lengthSec: clickSec,
      centreHz: clickHz,
      bandwidthHz: 2500,
      gain: clickGain * velocity,
    };
    addNoiseBurst(samples, click, random);
    const endSec = Math.min(durationSec, startSec + Math.min(0.5, longestSec));
    events.push({ startSec, endSec, pitchMidi: null, velocity });
    startSec += paceSec * random.uniform(0.9, 1.15);
    if (events.length > 1 && random.next() < 0.15) startSec += random.uniform(0.3, 1);
  }
  const form = name === 'wood' ? random.pick(['nail', 'stake']) : name === 'metal' ? 'anvil' : 'rock';
  return { timbreId: `hammer-${name}:${variant}`, form, bodySize: size, samples, events };
}

/** @param size 0..1: the heavier what is struck, the lower it sounds */
function drawModes(material: Material, size: number, random: SynthesisRequest['random']): Mode[] {
  const [lowHz, highHz] = material.hz.map((hz) => hz * 2 ** (0.8 - 1.6 * size)) as [number, number];
  const [shortSec, longSec] = material.decaySec;
  return Array.from({ length: random.integer(...material.modes) }, () => {
    const height = random.next();
    return {
      hz: lowHz * (highHz / lowHz) ** height,
      // High modes die first.
      decaySec: shortSec + (longSec - shortSec) * (1 - height) * random.uniform(0.4, 1),
      gain: random.uniform(0.3, 1) * (1 - 0.5 * height),
    };
  });
}
