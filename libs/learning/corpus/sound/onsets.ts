/**
 * Moves the starts of played notes to where they are heard: a bowed or blown tone speaks some tens of
 * milliseconds after its key goes down, and the picture must follow the ear.
 */

import { PERFORMANCE_RATE_HZ, type SoundEvent } from '../performance.ts';

const HOP = PERFORMANCE_RATE_HZ / 1000;
const SEARCH_MS = 160;
/** Share of the rise to the attack's peak at which a tone counts as begun. */
const AUDIBLE_SHARE = 0.2;

/**
 * Answers the events with starts compensated, still sorted.
 *
 * Notes that rise out of near silence are measured; notes that overlap their predecessor get the median delay of
 * the measured ones, for their own rise cannot be told from the beating of the mixture.
 */
export function compensateOnsets(events: readonly SoundEvent[], samples: Float32Array): SoundEvent[] {
  const envelope = peakEnvelope(samples);
  const measured = events.map((event) => attackDelayMs(envelope, Math.round(event.startSec * 1000)));
  const known = measured.filter((delay): delay is number => delay !== null).sort((a, b) => a - b);
  const medianMs = known[Math.floor(known.length / 2)] ?? 0;
  return events
    .map((event, i) => {
      const startSec = event.startSec + (measured[i] ?? medianMs) / 1000;
      return { ...event, startSec, endSec: Math.max(event.endSec, startSec + 0.02) };
    })
    .sort((a, b) => a.startSec - b.startSec);
}

/** Largest magnitude of every millisecond. */
function peakEnvelope(samples: Float32Array): Float32Array {
  const envelope = new Float32Array(Math.floor(samples.length / HOP));
  for (let i = 0; i < envelope.length; i++) {
    let peak = 0;
    for (let k = i * HOP; k < (i + 1) * HOP; k++) peak = Math.max(peak, Math.abs(samples[k] as number));
    envelope[i] = peak;
  }
  return envelope;
}

function attackDelayMs(envelope: Float32Array, startMs: number): number | null {
  const before = maximum(envelope, startMs - 20, startMs);
  const peak = maximum(envelope, startMs, startMs + SEARCH_MS);
  if (peak < 1e-4 || before > 0.35 * peak) return null;
  const threshold = before + AUDIBLE_SHARE * (peak - before);
  for (let i = Math.max(0, startMs); i < envelope.length; i++) {
    if ((envelope[i] as number) > threshold) return i - startMs;
  }
  return null;
}

function maximum(values: Float32Array, from: number, to: number): number {
  let largest = 0;
  for (let i = Math.max(0, from); i < Math.min(values.length, to); i++) {
    largest = Math.max(largest, values[i] as number);
  }
  return largest;
}
