/** Clocks: tick and tock as clicks of an escapement that ring through the case. */

import { PERFORMANCE_RATE_HZ } from '../../performance.ts';
import { addNoiseBurst, type Mode, strike } from './partials.ts';
import type { SynthesisedSound, SynthesisRequest } from './voice.ts';

const TICK_SEC = 0.08;
const FASTEST_SEC = 0.235;
const SLOWEST_SEC = 1.06;

/** A steady tick-tock from `leadSec` to the end, from a watch's to a tall case clock's. */
export function synthesiseClock({
  durationSec,
  leadSec,
  variant,
  random,
}: SynthesisRequest): SynthesisedSound {
  const samples = new Float32Array(Math.round(durationSec * PERFORMANCE_RATE_HZ));
  const periodSec = random.pick([0.25, 0.333, 0.4, 0.5, 0.5, 0.6, 0.75, 1]) * random.uniform(0.94, 1.06);
  const tick = drawTick(periodSec, random);
  const lowered = random.uniform(0.76, 0.97);
  const tock = tick.map((mode) => ({ ...mode, hz: mode.hz * lowered }));
  const tockGain = random.uniform(0.55, 1);
  const limpSec = random.uniform(-0.05, 0.05) * periodSec;
  const echoSec = random.next() < 0.6 ? random.uniform(0.012, 0.045) : 0;
  const clickHz = random.uniform(2500, 6500);
  const clickGain = random.uniform(0.2, 1);
  const events = [];
  for (let i = 0; ; i++) {
    const startSec = leadSec + i * periodSec + (i % 2) * limpSec;
    if (startSec + TICK_SEC > durationSec) break;
    const velocity = (i % 2 ? tockGain : 1) * random.uniform(0.85, 1);
    const modes = i % 2 ? tock : tick;
    const click = {
      atSec: startSec,
      lengthSec: 0.006,
      centreHz: clickHz,
      bandwidthHz: 3000,
      gain: clickGain * velocity,
    };
    addNoiseBurst(samples, click, random);
    strike(samples, startSec, modes, velocity);
    if (echoSec > 0) strike(samples, startSec + echoSec, modes, 0.4 * velocity);
    events.push({ startSec, endSec: startSec + TICK_SEC, pitchMidi: null, velocity });
  }
  const bodySize = Math.log(periodSec / FASTEST_SEC) / Math.log(SLOWEST_SEC / FASTEST_SEC);
  return { timbreId: `clock:${variant}`, form: formOf(periodSec, random), bodySize, samples, events };
}

/** A pendulum that swings slowly is long. */
function formOf(periodSec: number, random: SynthesisRequest['random']): string {
  if (periodSec > 0.68) return 'grandfather';
  return periodSec < 0.37 ? 'alarm' : random.pick(['wall', 'cuckoo']);
}

function drawTick(periodSec: number, random: SynthesisRequest['random']): Mode[] {
  const modes: Mode[] = Array.from({ length: random.integer(3, 8) }, () => ({
    hz: random.uniform(900, 6500),
    decaySec: random.uniform(0.025, 0.11),
    gain: random.uniform(0.2, 1),
  }));
  // Slow clocks are large: their wooden case knocks along.
  if (periodSec > 0.45) {
    modes.push({
      hz: random.uniform(160, 480),
      decaySec: random.uniform(0.05, 0.16),
      gain: random.uniform(0.3, 1.6),
    });
  }
  return modes;
}
