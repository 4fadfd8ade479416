/** Which objects are seen and heard in each clip of a split. */
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import {
  DRAWN_CLASSES,
  type Performance,
  type PerformanceRequest,
  type SoundClass,
  type Split,
} from './performance.ts';
import { isRecorded } from './recordings/catalogue.ts';
import { UNSEEN_CLASSES } from './sound/unseen-classes.ts';
import { pickVenue, type Venue } from './venue.ts';

/** One sounding object; several, alike or not; one beside a silent one; a sound whose object is not in the picture. */
type ClipKind = 'solo' | 'duet-unlike' | 'duet-like' | 'trio' | 'distractor' | 'offscreen';

/** The kinds of a split's clips, taking turns. */
const KINDS: Record<Split, readonly ClipKind[]> = {
  train: ['solo'],
  validation: ['solo'],
  test: ['solo'],
  unseen: ['solo'],
  'train-duets': ['duet-unlike', 'duet-like'],
  'train-trios': ['trio'],
  'train-distractors': ['distractor'],
  'train-offscreen': ['offscreen'],
  'test-duets-unlike': ['duet-unlike'],
  'test-duets-like': ['duet-like'],
  'test-trios': ['trio'],
  'test-distractors': ['distractor'],
  'test-offscreen': ['offscreen'],
};

export interface ClipPlan {
  split: Split;
  position: number;
  venue: Venue;
  /** What is to be performed. Of a duet of like kinds there is one more than is used. */
  requests: PerformanceRequest[];
  /** How many of the performances sound. */
  sounding: number;
  /** What is seen, in the order of painting: its class, and which of the sources it is, null where it is silent. */
  actors: { soundClass: SoundClass; source: number | null }[];
}

interface PlanOptions {
  seed: number;
  durationSec: number;
  classes?: readonly SoundClass[];
}

/**
 * Classes take turns, so that any beginning of a split is balanced; a longer split begins with the shorter one.
 *
 * @throws EarshotError `invalid_argument` where the classes asked for have no unseen objects
 */
export function planClips(split: Split, count: number, options: PlanOptions): ClipPlan[] {
  const classes = classesOf(split, count, options.classes ?? DRAWN_CLASSES);
  const used = new Map<SoundClass, number>();
  return Array.from({ length: count }, (_, position): ClipPlan => {
    const random = new SeededRandom(`clip/${options.seed}/${split}/${position}`);
    const venue = pickVenue(random, split);
    const kinds = KINDS[split];
    const kind = kinds[position % kinds.length] as ClipKind;
    const first = classes[Math.floor(position / kinds.length) % classes.length] as SoundClass;
    const request = (soundClass: SoundClass): PerformanceRequest => {
      const index = used.get(soundClass) ?? 0;
      used.set(soundClass, index + 1);
      return { soundClass, split, index, durationSec: options.durationSec, venue };
    };
    return { split, position, venue, ...castOf(kind, first, classes, request, random) };
  });
}

function classesOf(split: Split, count: number, asked: readonly SoundClass[]): readonly SoundClass[] {
  if (split !== 'unseen') return asked;
  const classes = asked.filter((soundClass) => UNSEEN_CLASSES.includes(soundClass));
  if (classes.length > 0 || count === 0) return classes;
  throw new EarshotError('invalid_argument', 'None of these classes has objects kept for the unseen split.', {
    subject: 'classes',
  });
}

function castOf(
  kind: ClipKind,
  first: SoundClass,
  classes: readonly SoundClass[],
  request: (soundClass: SoundClass) => PerformanceRequest,
  random: SeededRandom,
): Pick<ClipPlan, 'requests' | 'sounding' | 'actors'> {
  const others = random.shuffle(classes.filter((each) => each !== first));
  const other = others[0] ?? first;
  // What is seen without being heard is drawn: a recorded kind has its picture from its recording.
  const drawn = others.find((each) => !isRecorded(each)) ?? first;
  switch (kind) {
    case 'solo':
      return { requests: [request(first)], sounding: 1, actors: [{ soundClass: first, source: 0 }] };
    case 'duet-like': {
      const requests = [request(first), request(first), request(first)];
      return { requests, sounding: 2, actors: seen([first, first], random) };
    }
    case 'duet-unlike':
    case 'trio': {
      const sources = kind === 'trio' ? [first, other, others[1] ?? other] : [first, other];
      return { requests: sources.map(request), sounding: sources.length, actors: seen(sources, random) };
    }
    case 'distractor': {
      // Every fourth distractor is of the very kind that sounds: only its stillness gives it away.
      const alike = random.next() < 0.25 && !isRecorded(first);
      const silent = { soundClass: alike ? first : drawn, source: null };
      const actors = random.shuffle<ClipPlan['actors'][number]>([{ soundClass: first, source: 0 }, silent]);
      return { requests: [request(first)], sounding: 1, actors };
    }
    case 'offscreen': {
      // Beside what is not seen, the object in the picture sounds too or is silent.
      const sounds = random.next() < 0.5 || isRecorded(first);
      const requests = sounds ? [request(first), request(other)] : [request(other)];
      const actors = [{ soundClass: first, source: sounds ? 0 : null }];
      return { requests, sounding: requests.length, actors };
    }
  }
}

/** Every source is seen, in an order by lot. */
function seen(sources: readonly SoundClass[], random: SeededRandom): ClipPlan['actors'] {
  return random.shuffle(sources.map((soundClass, source) => ({ soundClass, source })));
}

/** Onsets this close count as one to the eye. */
const TOGETHER_SEC = 0.08;

/**
 * Which of the performances sound. Two of a like kind can be told apart by their motion alone, so of the candidates
 * for the second the one is taken that shares the fewest onsets with the first.
 */
export function chooseSources(plan: ClipPlan, performances: readonly Performance[]): Performance[] {
  const [first, ...candidates] = performances as [Performance, ...Performance[]];
  if (performances.length === plan.sounding) return [...performances];
  const [best] = candidates
    .map((performance, at) => ({ performance, at, shared: sharedOnsets(first, performance) }))
    .sort((a, b) => a.shared - b.shared || a.at - b.at);
  return [first, (best as { performance: Performance }).performance];
}

/** Share of the onsets of the one with fewer that coincide with one of the other, 0..1. */
export function sharedOnsets(a: Performance, b: Performance): number {
  const [few, many] = a.events.length < b.events.length ? [a, b] : [b, a];
  const shared = few.events.filter(({ startSec }) =>
    many.events.some((event) => Math.abs(event.startSec - startSec) < TOGETHER_SEC),
  );
  return shared.length / Math.max(1, few.events.length);
}
