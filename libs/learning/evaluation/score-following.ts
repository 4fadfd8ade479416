/**
 * Whether maps follow the sound: of two places, one sounds, and the other one might. Only which of both the map holds
 * for it counts, at no threshold; a map that does not tell is right half of the time.
 */
import { bootstrap, mean } from '#model/metrics/bootstrap';

/** What is measured: the model, the model without what tells places of one look apart, and maps that do not listen. */
export const FOLLOWING_KINDS = ['model', 'withoutSynchrony', 'movement', 'centre'] as const;
type FollowingKind = (typeof FOLLOWING_KINDS)[number];

/** 1 where the map takes the place that sounds, 0 where it takes the other one, 1/2 where it takes neither. */
interface Followed {
  /** By what the map holds over each place on average. */
  mass: number;
  /** By which place the highest value lies in or nearest to. */
  peak: number;
}

export interface FollowingClip {
  /** Apart from the whole, a group is scored under its name; empty where there are none. */
  group: string;
  /** One for each sound that the clip was given. */
  cases: Record<FollowingKind, Followed>[];
}

interface Score {
  value: number;
  chance: number;
  ci95: [number, number];
}

const CHANCE = 0.5;

/**
 * @param map   `[side * side]`
 * @param own   `[side * side]`, 1 where the place that sounds is; a cell may belong to both places
 * @param other the same of the other place
 */
export function followsSound(
  map: Float32Array,
  side: number,
  own: ArrayLike<number>,
  other: ArrayLike<number>,
): Followed {
  const massOf = (place: ArrayLike<number>, against: ArrayLike<number>) => {
    const cells = [...map.keys()].filter((cell) => place[cell] && !against[cell]);
    return cells.length === 0 ? 0 : mean(cells.map((cell) => map[cell] as number));
  };
  const highest = map.reduce((max, value) => Math.max(max, value), -Infinity);
  const isFlat = map.every((value) => value === highest);
  const peak = map.indexOf(highest);
  const distanceTo = (place: ArrayLike<number>) =>
    Math.min(
      ...[...map.keys()]
        .filter((cell) => place[cell])
        .map((cell) => Math.hypot((cell % side) - (peak % side), rowOf(cell, side) - rowOf(peak, side))),
    );
  return {
    mass: compared(massOf(own, other), massOf(other, own)),
    peak: isFlat ? CHANCE : compared(distanceTo(other), distanceTo(own)),
  };
}

function rowOf(cell: number, side: number): number {
  return Math.floor(cell / side);
}

function compared(own: number, other: number): number {
  return own > other ? 1 : own < other ? 0 : CHANCE;
}

/**
 * `follows` by mass and `follows.peak`, of the model and of the other kinds under their names; `bothFollow` of clips
 * whose every sound is followed. Intervals are over clips, whose cases go together.
 */
export function scoreFollowing(clips: readonly FollowingClip[]): Record<string, Score> {
  const results: Record<string, Score> = {};
  const groups = [...new Set(clips.map(({ group }) => group))].filter((group) => group !== '');
  const parts: [string, readonly FollowingClip[]][] = [
    ['', clips],
    ...groups.map((group): [string, FollowingClip[]] => [
      `.${group}`,
      clips.filter((clip) => clip.group === group),
    ]),
  ];
  for (const kind of FOLLOWING_KINDS) {
    const prefix = kind === 'model' ? '' : `${kind}.`;
    for (const [suffix, part] of parts) {
      const rate = (by: keyof Followed) => {
        const indices = part.map((_, i) => i);
        const casesOf = (i: number) => (part[i] as FollowingClip).cases.map((each) => each[kind][by]);
        return bootstrap(indices, (drawn) => mean(drawn.flatMap(casesOf)));
      };
      results[`${prefix}follows${suffix}`] = { ...rate('mass'), chance: CHANCE };
      results[`${prefix}follows.peak${suffix}`] = { ...rate('peak'), chance: CHANCE };
      const all = part.map(({ cases }): number => (cases.every((each) => each[kind].mass === 1) ? 1 : 0));
      const chance = mean(part.map(({ cases }) => CHANCE ** cases.length));
      results[`${prefix}bothFollow${suffix}`] = { ...bootstrap(all), chance };
    }
  }
  return results;
}
