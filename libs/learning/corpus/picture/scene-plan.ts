/** Plans of scenes: everything about a clip's picture that is drawn by lot, as plain data. */
import { SeededRandom } from '#core/random';
import type { Performance, SoundClass, Split } from '../performance.ts';
import { pickVenue, type Venue } from '../venue.ts';
import type { Colour } from './brush.ts';

/** Lengths are fractions of the frame's width (x) or height (y, size); angles are radians. */
export interface ActorSpec {
  soundClass: SoundClass;
  /** Equal seeds draw the equal object; seeds name the split, so no object occurs in two splits. */
  variantSeed: string;
  /** The look that goes with the timbre; empty for any. */
  form: string;
  x: number;
  y: number;
  /** Side of the object's unit box as a fraction of the frame's height. */
  size: number;
  angle: number;
  mirrored: boolean;
  /** The slight angle that the object is seen from. */
  stretchX: number;
  skewX: number;
  skewY: number;
  /** Slow motion of the whole object: drift over the clip, and a wobble around it. */
  driftX: number;
  driftY: number;
  wobble: number;
  wobbleHz: number;
  wobblePhase: number;
  shadow: number;
}

interface CameraSpec {
  panFrom: readonly [number, number];
  panTo: readonly [number, number];
  zoomFrom: number;
  zoomTo: number;
  roll: number;
  /** Hand-held shake as a fraction of the frame. */
  jitter: number;
  jitterPhase: number;
}

interface GradeSpec {
  tint: Colour;
  tintStrength: number;
  /** -1 darker .. 1 brighter */
  exposure: number;
  vignette: number;
  blurPx: number;
  noise: number;
  noiseSeed: string;
}

export interface SceneSpec {
  split: Split;
  index: number;
  seed: string;
  width: number;
  height: number;
  frameRateHz: number;
  durationSec: number;
  /** Painted in this order; a later actor may cover an earlier one. */
  actors: ActorSpec[];
  venue: Venue;
  backgroundSeed: string;
  camera: CameraSpec;
  grade: GradeSpec;
}

export interface SceneRequest {
  /** The corpus's seed. */
  seed: string | number;
  split: Split;
  /** Position within split and kinds; same request, same plan. */
  index: number;
  /** One for a solo; several for duets and trios, with or without silent objects among them. */
  soundClasses: readonly SoundClass[];
  /** What sounds, for each of the classes; null for a silent object. Size and form follow it. */
  performances?: readonly (Pick<Performance, 'form' | 'bodySize'> | null)[];
  /** Drawn by lot unless told. */
  venue?: Venue;
  width?: number;
  height?: number;
  frameRateHz?: number;
  durationSec?: number;
}

/** Plans a scene; everything in it follows from the request. */
export function planScene(request: SceneRequest): SceneSpec {
  const { split, index, soundClasses } = request;
  const seed = `${request.seed}/${split}/${soundClasses.join('+')}/${index}`;
  const random = new SeededRandom(`scene/${seed}`);
  const venue = request.venue ?? pickVenue(new SeededRandom(`venue/${seed}`), split);
  return {
    split,
    index,
    seed,
    width: request.width ?? 192,
    height: request.height ?? 192,
    frameRateHz: request.frameRateHz ?? 25,
    durationSec: request.durationSec ?? 5,
    actors: soundClasses.map((soundClass, place) =>
      planActor(random, seed, soundClass, place, soundClasses.length, request.performances?.[place] ?? null),
    ),
    venue,
    backgroundSeed: seed,
    camera: planCamera(random),
    grade: planGrade(random, seed),
  };
}

/** Sizes of the smallest and the largest body of a class, where it is alone in the picture. */
const SMALLEST = 0.38;
const LARGEST = 0.86;
/** Standard deviation of what tells two bodies of one pitch apart, as a share of the range. */
const SIZE_SPREAD = 0.07;

/** What sounds low is large: monotone in `bodySize` but for some spread. */
function sizeOf(bodySize: number, count: number, random: SeededRandom): number {
  const share = Math.min(1, Math.max(0, bodySize + SIZE_SPREAD * random.normal()));
  return (SMALLEST + (LARGEST - SMALLEST) * share) * (count === 1 ? 1 : 1.08 / Math.sqrt(count));
}

function planActor(
  random: SeededRandom,
  seed: string,
  soundClass: SoundClass,
  place: number,
  count: number,
  played: Pick<Performance, 'form' | 'bodySize'> | null,
): ActorSpec {
  const size = sizeOf(played?.bodySize ?? random.next(), count, random);
  const half = size * 0.47;
  const slot = 1 / count;
  const x = count === 1 ? random.uniform(half, 1 - half) : slot * (place + 0.5) + random.uniform(-0.06, 0.06);
  return {
    soundClass,
    variantSeed: `${seed}/${place}`,
    form: played?.form ?? '',
    x,
    y: random.uniform(Math.max(half, 0.3), 1 - half),
    size,
    angle: random.normal() * 0.07,
    mirrored: random.next() < 0.5,
    stretchX: random.uniform(0.82, 1.08),
    skewX: random.uniform(-0.14, 0.14),
    skewY: random.uniform(-0.1, 0.1),
    driftX: random.uniform(-0.05, 0.05),
    driftY: random.uniform(-0.03, 0.03),
    wobble: random.next() < 0.5 ? random.uniform(0, 0.012) : 0,
    wobbleHz: random.uniform(0.15, 0.6),
    wobblePhase: random.uniform(0, Math.PI * 2),
    shadow: random.next() < 0.7 ? random.uniform(0.1, 0.4) : 0,
  };
}

function planCamera(random: SeededRandom): CameraSpec {
  const still = random.next() < 0.45;
  const pan = (): [number, number] => [random.uniform(-0.06, 0.06), random.uniform(-0.05, 0.05)];
  const panFrom = pan();
  const zoomFrom = random.uniform(0.97, 1.1);
  return {
    panFrom,
    panTo: still ? panFrom : pan(),
    zoomFrom,
    zoomTo: still ? zoomFrom : random.uniform(0.97, 1.1),
    roll: random.normal() * 0.02,
    jitter: random.next() < 0.4 ? random.uniform(0.001, 0.008) : 0,
    jitterPhase: random.uniform(0, 100),
  };
}

function planGrade(random: SeededRandom, seed: string): GradeSpec {
  return {
    tint: {
      hue: random.uniform(0, 360),
      saturation: random.uniform(0.2, 0.9),
      lightness: random.uniform(0.35, 0.8),
    },
    tintStrength: random.uniform(0, 0.22),
    exposure: random.uniform(-0.22, 0.25),
    vignette: random.next() < 0.4 ? random.uniform(0.1, 0.5) : 0,
    blurPx: random.next() < 0.2 ? random.uniform(0.3, 1) : 0,
    noise: random.next() < 0.5 ? random.uniform(0.02, 0.1) : 0,
    noiseSeed: seed,
  };
}
