/** What a performance does at one moment, as the drawn objects need it: strikes, reaches, swings, strokes. */
import type { Performance, SoundEvent } from '../performance.ts';
import { CONTROL_RATE_HZ } from '../performance.ts';

/** Stands for "no such event": far enough to be at rest. */
const FAR_SEC = 99;

export interface Pose {
  timeSec: number;
  events: readonly SoundEvent[];
  /** Index of the last event that has begun, -1 before the first. */
  eventIndex: number;
  sinceOnsetSec: number;
  untilOnsetSec: number;
  velocity: number;
  /** Of the event that began last; 60 where there is none. */
  pitchMidi: number;
  /** 0..1 */
  loudness: number;
  /** Loudness integrated over time (seconds at full loudness). */
  phase: number;
  /** Loudness times relative frequency, integrated: turns faster with a higher pitch. */
  spin: number;
  /** 1 at an onset, falling to 0 within about half a second, scaled by velocity. */
  impact: number;
  /** Loudness integrated up to another time. */
  phaseAt(timeSec: number): number;
}

/** The part of a performance that can be seen. */
type Played = Pick<Performance, 'events' | 'loudness' | 'pitchMidi'>;

/** The follower of one performance. Construct once, ask for many moments. */
export class PoseTrack {
  readonly #performance: Played;
  readonly #phase: Float32Array;
  readonly #spin: Float32Array;

  constructor(performance: Played) {
    this.#performance = performance;
    const count = performance.loudness.length;
    this.#phase = new Float32Array(count + 1);
    this.#spin = new Float32Array(count + 1);
    for (let i = 0; i < count; i++) {
      const loudness = performance.loudness[i] ?? 0;
      const pitch = performance.pitchMidi[i] ?? 0;
      const speed = pitch > 0 ? 2 ** ((Math.min(pitch, 100) - 60) / 24) : 1;
      this.#phase[i + 1] = this.#phase[i]! + loudness / CONTROL_RATE_HZ;
      this.#spin[i + 1] = this.#spin[i]! + (loudness * speed) / CONTROL_RATE_HZ;
    }
  }

  at(timeSec: number): Pose {
    const { events, loudness } = this.#performance;
    let eventIndex = -1;
    while (eventIndex + 1 < events.length && events[eventIndex + 1]!.startSec <= timeSec) eventIndex++;
    const event = events[eventIndex];
    const next = events[eventIndex + 1];
    const sinceOnsetSec = event ? timeSec - event.startSec : FAR_SEC;
    const velocity = event?.velocity ?? 0;
    return {
      timeSec,
      events,
      eventIndex,
      sinceOnsetSec,
      untilOnsetSec: next ? next.startSec - timeSec : FAR_SEC,
      velocity,
      pitchMidi: event?.pitchMidi ?? 60,
      loudness:
        loudness[Math.min(loudness.length - 1, Math.max(0, Math.floor(timeSec * CONTROL_RATE_HZ)))] ?? 0,
      phase: sampleAt(this.#phase, timeSec),
      spin: sampleAt(this.#spin, timeSec),
      impact: (0.45 + 0.55 * velocity) * Math.exp(-sinceOnsetSec / 0.13) * (event ? 1 : 0),
      phaseAt: (otherSec) => sampleAt(this.#phase, otherSec),
    };
  }
}

function sampleAt(track: Float32Array, timeSec: number): number {
  const position = Math.min(track.length - 1, Math.max(0, timeSec * CONTROL_RATE_HZ));
  const low = Math.floor(position);
  const from = track[low] ?? 0;
  return from + ((track[low + 1] ?? from) - from) * (position - low);
}

/** A striking or reaching limb between the event behind it and the event before it. */
export interface Reach {
  /** Where the limb is between the two events' pitches, as a MIDI number with fraction. */
  pitchMidi: number;
  /** 0 touching .. 1 fully raised; about 0.5 at rest. */
  lift: number;
  sinceSec: number;
  untilSec: number;
  velocity: number;
}

/** The reach of the limb that plays the selected events (all of them by default). */
export function reach(pose: Pose, mine: (event: SoundEvent, index: number) => boolean = () => true): Reach {
  let last: SoundEvent | undefined;
  let next: SoundEvent | undefined;
  pose.events.forEach((event, index) => {
    if (!mine(event, index)) return;
    if (event.startSec <= pose.timeSec) last = event;
    else next ??= event;
  });
  const sinceSec = last ? pose.timeSec - last.startSec : FAR_SEC;
  const untilSec = next ? next.startSec - pose.timeSec : FAR_SEC;
  const from = last?.pitchMidi ?? next?.pitchMidi ?? 60;
  const to = next?.pitchMidi ?? from;
  const travelSec = Math.min(0.35, (sinceSec + untilSec) * 0.8);
  const progress = smooth(1 - Math.max(0, untilSec - 0.03) / Math.max(0.01, travelSec));
  return {
    pitchMidi: from + (to - from) * progress,
    lift: strikeLift(sinceSec, untilSec, last?.velocity ?? 0.6, next?.velocity ?? 0.6),
    sinceSec,
    untilSec,
    velocity: last?.velocity ?? 0,
  };
}

/**
 * Falls onto the event, stays for one frame, bounces back to rest, and rises before the next one: the further the
 * louder that will be.
 */
function strikeLift(sinceSec: number, untilSec: number, velocity: number, nextVelocity: number): number {
  const rest = 0.25 + 0.25 * velocity;
  const top = 0.3 + 0.7 * nextVelocity;
  const rebound = 1 - Math.exp(-Math.max(0, sinceSec - 0.03) / 0.07);
  const fall = untilSec < 0.13 ? (untilSec / 0.13) ** 1.6 : 1;
  const raise = untilSec < 0.45 ? smooth((0.45 - untilSec) / 0.3) * (top - rest) : 0;
  return (rest + raise) * rebound * fall;
}

/**
 * A stroke that turns round at every event and moves as the sound does, the wider the louder: -1..1. Bows, bellows.
 */
export function stroke(pose: Pose): number {
  const event = pose.events[pose.eventIndex];
  const direction = pose.eventIndex % 2 === 0 ? 1 : -1;
  const width = (index: number) => 0.25 + 0.7 * (pose.events[Math.max(0, index)]?.velocity ?? 0.6);
  if (!event) return -width(0) * (pose.untilOnsetSec < 0.5 ? 1 - smooth(pose.untilOnsetSec / 0.5) : 0);
  const next = pose.events[pose.eventIndex + 1];
  const endSec = Math.max(event.startSec + 0.05, Math.min(event.endSec, next?.startSec ?? event.endSec));
  const total = pose.phaseAt(endSec) - pose.phaseAt(event.startSec);
  const done = pose.phaseAt(Math.min(pose.timeSec, endSec)) - pose.phaseAt(event.startSec);
  const progress = total > 1e-4 ? done / total : Math.min(1, pose.sinceOnsetSec / (endSec - event.startSec));
  const from = -width(pose.eventIndex - 1);
  return direction * (from + (width(pose.eventIndex) - from) * progress);
}

/** A pendulum that is at its turning points at the onsets and comes to rest in silence: -1..1. */
export function swing(pose: Pose, halfSwingSec: number): number {
  const sign = pose.eventIndex % 2 === 0 ? 1 : -1;
  const { sinceOnsetSec: since, untilOnsetSec: until } = pose;
  if (pose.eventIndex < 0) {
    return until > FAR_SEC - 1
      ? 0
      : Math.cos((Math.PI * until) / halfSwingSec) * Math.exp(-until / (halfSwingSec * 0.7));
  }
  if (until > FAR_SEC - 1)
    return sign * Math.cos((Math.PI * since) / halfSwingSec) * Math.exp(-since / (halfSwingSec * 2.5));
  const gap = since + until;
  const halfSwings = 2 * Math.max(0, Math.round((gap / halfSwingSec - 1) / 2)) + 1;
  const damping = halfSwings > 1 ? 1 - 0.5 * Math.sin((Math.PI * since) / gap) : 1;
  return sign * Math.cos((Math.PI * halfSwings * since) / gap) * damping;
}

/** A pendulum that passes its middle at the onsets, where it is fastest, and comes to rest in silence: -1..1. */
export function passing(pose: Pose, halfSwingSec: number): number {
  const { sinceOnsetSec: since, untilOnsetSec: until } = pose;
  if (pose.eventIndex < 0) return 0;
  const sign = pose.eventIndex % 2 === 0 ? 1 : -1;
  if (until > FAR_SEC - 1)
    return sign * Math.sin((Math.PI * since) / halfSwingSec) * Math.exp(-since / (halfSwingSec * 1.2));
  const gap = since + until;
  const halfSwings = 2 * Math.max(0, Math.round((gap / halfSwingSec - 1) / 2)) + 1;
  return sign * Math.sin((Math.PI * halfSwings * since) / gap);
}

/** A calling mouth, 0 closed .. 1 open: opens just before the onset, then follows the loudness. */
export function mouthOpening(pose: Pose): number {
  const event = pose.events[pose.eventIndex];
  const ready = pose.untilOnsetSec < 0.05 ? 0.5 * (1 - pose.untilOnsetSec / 0.05) : 0;
  if (!event) return ready;
  const inside = pose.timeSec < event.endSec ? 1 : Math.max(0, 1 - (pose.timeSec - event.endSec) / 0.06);
  return Math.max(ready, inside * (0.4 + 0.6 * Math.min(1, pose.loudness * 1.3)));
}

/** Events that began at most `withinSec` ago, and how fresh each is (1 at its onset, 0 at the limit). */
export function recentEvents(pose: Pose, withinSec: number): { event: SoundEvent; freshness: number }[] {
  const recent: { event: SoundEvent; freshness: number }[] = [];
  for (let i = pose.eventIndex; i >= 0 && i > pose.eventIndex - 8; i--) {
    const event = pose.events[i]!;
    const age = pose.timeSec - event.startSec;
    if (age <= withinSec) recent.push({ event, freshness: 1 - age / withinSec });
  }
  return recent;
}

/** Smooth step of a number clamped to 0..1. */
export function smooth(x: number): number {
  const t = Math.min(1, Math.max(0, x));
  return t * t * (3 - 2 * t);
}
