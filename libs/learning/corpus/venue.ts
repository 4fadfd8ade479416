/** Where a clip takes place. It is seen (the background) and heard (reverberation, the bed of noise). */
import { SeededRandom } from '#core/random';
import type { Split } from './performance.ts';

/** Indoors: a small room, a hall, a tiled room, a studio's backdrop. Outdoors: dry, each with its own noise. */
export const VENUES = ['room', 'hall', 'studio', 'landscape', 'rain', 'street', 'tiled', 'beach'] as const;

export type Venue = (typeof VENUES)[number];

/** Places that only the split of unseen objects has. */
export const UNSEEN_VENUES: readonly Venue[] = ['tiled', 'beach'];

const SEEN_VENUES = VENUES.filter((venue) => !UNSEEN_VENUES.includes(venue));

export function pickVenue(random: SeededRandom, split: Split): Venue {
  return random.pick(split === 'unseen' ? UNSEEN_VENUES : SEEN_VENUES);
}

/** Something that goes by behind the object: a vehicle on the street, a wave at the beach. */
export interface Passage {
  /** When it is nearest, from the start of the clip. */
  atSec: number;
  /** How long it can be heard and seen. */
  lengthSec: number;
  /** 0..1 */
  strength: number;
  /** -1 to the left, 1 to the right. */
  direction: number;
}

/** What goes by in a clip, the same for eye and ear. */
export function planPassages(seed: string, venue: Venue, durationSec: number): Passage[] {
  if (venue !== 'street' && venue !== 'beach') return [];
  const random = new SeededRandom(`passages/${seed}`);
  const passages: Passage[] = [];
  const everySec = venue === 'beach' ? [2.2, 4] : [1.5, 5];
  for (let atSec = random.uniform(-1, 2); atSec < durationSec + 1; ) {
    passages.push({
      atSec,
      lengthSec: venue === 'beach' ? random.uniform(2, 3.6) : random.uniform(1.6, 3.2),
      strength: random.uniform(0.4, 1),
      direction: random.next() < 0.5 ? -1 : 1,
    });
    atSec += random.uniform(everySec[0] as number, everySec[1] as number);
  }
  return passages;
}
