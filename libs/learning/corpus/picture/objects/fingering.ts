/** What players of wind instruments share: fingers on keys, breath and swing. */
import { type Pose, smooth } from '../pose.ts';

/** How far key `index` is down (0..1): each pitch has its own fingering, taken up within 60 ms around the onset. */
export function keyDown(pose: Pose, index: number): number {
  const fingering = (pitchMidi: number) => ((Math.round(pitchMidi) * 2654435761) >>> (index * 3 + 4)) & 1;
  const sounding = pose.loudness > 0.03 ? 1 : 0.2;
  const next = pose.events[pose.eventIndex + 1];
  const now = pose.eventIndex < 0 ? 0 : fingering(pose.pitchMidi) * sounding;
  if (!next || pose.untilOnsetSec > 0.06) return now;
  return now + (fingering(next.pitchMidi ?? 60) - now) * smooth(1 - pose.untilOnsetSec / 0.06);
}

/** The player's breath and swing: a nod at every onset, a slow sway while it sounds. */
export function sway(pose: Pose): number {
  return 0.05 * Math.sin(pose.phase * 4) - 0.09 * pose.impact - 0.06 * pose.loudness;
}
