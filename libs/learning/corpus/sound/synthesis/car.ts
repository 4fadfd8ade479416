/** Cars: an engine that idles and is revved, the noise of the road, and now and then the horn. */

import type { SeededRandom } from '#core/random';
import { CONTROL_RATE_HZ, PERFORMANCE_RATE_HZ, type SoundEvent } from '../../performance.ts';
import { Resonator } from './partials.ts';
import { midiOfHz, type SynthesisedSound, type SynthesisRequest } from './voice.ts';

const WAVE_LENGTH = 4096;

interface Rev {
  startSec: number;
  peakSec: number;
  endSec: number;
  /** Share of the way from idle to the red line. */
  throttle: number;
}

interface Engine {
  form: string;
  /** 0 a small car .. 1 a lorry. */
  size: number;
  cylinders: number;
  idleRpm: number;
  topRpm: number;
  /** Two firings of the engine as a wave, `[WAVE_LENGTH]`. */
  wave: Float32Array;
  jitter: number;
  /** Resonances of the pipe and of the bodywork. */
  exhaustHz: number;
  bodyHz: number;
  noise: number;
  road: number;
  idleGain: number;
}

/** An engine that comes up to idle at `leadSec` and is revved from there; events are the revs and the horn. */
export function synthesiseCar({ durationSec, leadSec, variant, random }: SynthesisRequest): SynthesisedSound {
  const samples = new Float32Array(Math.round(durationSec * PERFORMANCE_RATE_HZ));
  const pitchMidi = new Float32Array(Math.round(durationSec * CONTROL_RATE_HZ));
  const engine = drawEngine(random);
  const revs = drawRevs(durationSec, leadSec, random);
  runEngine(samples, pitchMidi, engine, revs, leadSec, random);
  const events = revs.map(({ startSec, peakSec, endSec, throttle }): SoundEvent => {
    const hz = firingHz(engine, throttleAt(revs, peakSec));
    return { startSec, endSec, pitchMidi: midiOfHz(hz), velocity: 0.3 + 0.7 * throttle };
  });
  if (random.next() < 0.25) events.push(...soundHorn(samples, durationSec, leadSec, random));
  events.sort((a, b) => a.startSec - b.startSec);
  return {
    timbreId: `engine:${variant}`,
    form: engine.form,
    bodySize: engine.size,
    samples,
    events,
    pitchMidi,
  };
}

function drawEngine(random: SeededRandom): Engine {
  const size = random.next();
  return {
    size,
    form: random.pick(
      size > 0.6 ? ['van', 'truck'] : size > 0.3 ? ['saloon', 'van'] : ['hatchback', 'beetle'],
    ),
    cylinders: random.pick(size > 0.5 ? [4, 6] : [3, 4]),
    idleRpm: 1150 * 0.5 ** size * random.uniform(0.92, 1.08),
    topRpm: 6600 * 0.42 ** size * random.uniform(0.9, 1.1),
    wave: drawWave(random),
    jitter: random.uniform(0.01, 0.05),
    exhaustHz: 440 * 0.25 ** size * random.uniform(0.9, 1.1),
    bodyHz: 1900 * 0.27 ** size * random.uniform(0.9, 1.1),
    noise: random.uniform(0.3, 1.2),
    road: random.uniform(0.02, 0.3),
    idleGain: random.uniform(0.12, 0.35),
  };
}

/** Sums the half-order harmonics of the firing frequency; 30 of them stay below 7 kHz at the fastest revs. */
function drawWave(random: SeededRandom): Float32Array {
  const wave = new Float32Array(WAVE_LENGTH);
  const rolloff = random.uniform(0.35, 1.1);
  for (let k = 1; k <= 30; k++) {
    // Cylinders fire almost alike, so the odd half orders are weaker.
    const gain = ((k % 2 === 1 ? 0.45 : 1) * random.uniform(0.25, 1)) / (k / 2) ** rolloff;
    const phase = random.uniform(0, 2 * Math.PI);
    for (let i = 0; i < WAVE_LENGTH; i++) {
      wave[i] = (wave[i] as number) + gain * Math.sin((2 * Math.PI * k * i) / WAVE_LENGTH + phase);
    }
  }
  return wave;
}

function drawRevs(durationSec: number, leadSec: number, random: SeededRandom): Rev[] {
  const revs: Rev[] = [];
  const blips = random.next() < 0.6;
  for (let startSec = leadSec; startSec < durationSec - 0.5; ) {
    const lengthSec = blips ? random.uniform(0.4, 1.1) : random.uniform(1.2, 3);
    const endSec = Math.min(durationSec - 0.05, startSec + lengthSec);
    const peakSec = startSec + (endSec - startSec) * random.uniform(0.3, 0.75);
    revs.push({ startSec, peakSec, endSec, throttle: random.uniform(0.35, 1) });
    startSec = endSec + random.uniform(0.1, 1);
  }
  return revs;
}

function throttleAt(revs: readonly Rev[], atSec: number): number {
  const rev = revs.find(({ startSec, endSec }) => atSec >= startSec && atSec < endSec);
  if (!rev) return 0;
  const share =
    atSec < rev.peakSec
      ? (atSec - rev.startSec) / (rev.peakSec - rev.startSec)
      : (rev.endSec - atSec) / (rev.endSec - rev.peakSec);
  return rev.throttle * (0.5 - 0.5 * Math.cos(Math.PI * share));
}

function firingHz(engine: Engine, throttle: number): number {
  const rpm = engine.idleRpm + throttle * (engine.topRpm - engine.idleRpm);
  return ((rpm / 60) * engine.cylinders) / 2;
}

function runEngine(
  samples: Float32Array,
  pitchMidi: Float32Array,
  engine: Engine,
  revs: readonly Rev[],
  leadSec: number,
  random: SeededRandom,
): void {
  const start = Math.round(leadSec * PERFORMANCE_RATE_HZ);
  const exhaust = new Resonator();
  const body = new Resonator();
  let phase = 0;
  let wobble = 0;
  let road = 0;
  for (let i = start; i < samples.length; i++) {
    const throttle = throttleAt(revs, i / PERFORMANCE_RATE_HZ);
    wobble += 0.004 * (random.uniform(-1, 1) * 8 - wobble);
    const hz = firingHz(engine, throttle) * (1 + engine.jitter * wobble);
    phase += (0.5 * hz) / PERFORMANCE_RATE_HZ;
    phase -= Math.floor(phase);
    const tone = engine.wave[Math.floor(phase * WAVE_LENGTH)] as number;
    // Gas leaves in puffs: the noise follows the firing.
    const puff = engine.noise * (0.5 + 0.5 * Math.sin(4 * Math.PI * phase)) ** 2 * random.uniform(-1, 1);
    road += 0.06 * (random.uniform(-1, 1) - road);
    const load = engine.idleGain + (1 - engine.idleGain) * throttle;
    const source = 0.3 * tone + puff;
    const rasp = (1 + 2 * throttle) * body.step(source, engine.bodyHz, 0.6 * engine.bodyHz);
    const sound = 0.2 * tone + 3 * exhaust.step(source, engine.exhaustHz, 220) + rasp + 0.15 * puff;
    const startUp = Math.min(1, (i - start + 1) / 800);
    samples[i] = startUp * (load * sound + engine.road * road);
    pitchMidi[Math.floor((i * CONTROL_RATE_HZ) / PERFORMANCE_RATE_HZ)] = midiOfHz(hz);
  }
}

/** Adds one to three blasts of a two-note horn and answers their events. */
function soundHorn(
  samples: Float32Array,
  durationSec: number,
  leadSec: number,
  random: SeededRandom,
): SoundEvent[] {
  const hz = random.uniform(320, 480);
  const interval = random.pick([1.2, 1.25, 1.33]);
  const events: SoundEvent[] = [];
  let startSec = leadSec + random.uniform(0.3, 0.4 * durationSec);
  for (let n = random.integer(1, 4); n > 0; n--) {
    const endSec = startSec + random.uniform(0.15, 0.6);
    if (endSec > durationSec - 0.05) break;
    const start = Math.round(startSec * PERFORMANCE_RATE_HZ);
    const end = Math.round(endSec * PERFORMANCE_RATE_HZ);
    for (let i = start; i < end; i++) {
      const angle = (2 * Math.PI * hz * (i - start)) / PERFORMANCE_RATE_HZ;
      let value = 0;
      for (let k = 1; k <= 10; k++) value += (Math.sin(k * angle) + Math.sin(k * interval * angle)) / (k + 1);
      const edge = Math.min(1, (i - start) / 160, (end - i) / 240);
      samples[i] = (samples[i] as number) + 0.8 * edge * value;
    }
    events.push({ startSec, endSec, pitchMidi: midiOfHz(hz), velocity: 1 });
    startSec = endSec + random.uniform(0.12, 0.4);
  }
  return events;
}
