/** Which classes are synthesised rather than played from a soundfont, and by what. */

import type { SoundClass } from '../../performance.ts';
import { synthesiseBird } from './bird.ts';
import { synthesiseCar } from './car.ts';
import { synthesiseClock } from './clock.ts';
import { synthesiseDog } from './dog.ts';
import { synthesiseHammer } from './hammer.ts';
import { synthesiseSiren } from './siren.ts';
import type { Synthesise } from './voice.ts';

export const SYNTHESISERS: Partial<Record<SoundClass, Synthesise>> = {
  clock: synthesiseClock,
  bird: synthesiseBird,
  dog: synthesiseDog,
  hammer: synthesiseHammer,
  car: synthesiseCar,
  siren: synthesiseSiren,
};
