/** Which maker draws which kind of sounding object. */
import type { SoundClass } from '../performance.ts';
import type { ObjectMaker } from './drawn-object.ts';
import { makeAccordion } from './objects/accordion.ts';
import { makeBird, makeDog } from './objects/animals.ts';
import { makeCello, makeViolin } from './objects/bowed.ts';
import { makeCar, makeHammer, makeSiren } from './objects/machines.ts';
import { makeDrum, makeXylophone } from './objects/percussion.ts';
import { makePiano } from './objects/piano.ts';
import { makeGuitar, makeHarp } from './objects/plucked.ts';
import { makeBell, makeClock } from './objects/timekeepers.ts';
import { makeFlute, makeSaxophone, makeTrumpet } from './objects/winds.ts';

export const OBJECT_MAKERS: Record<SoundClass, ObjectMaker> = {
  piano: makePiano,
  guitar: makeGuitar,
  violin: makeViolin,
  cello: makeCello,
  trumpet: makeTrumpet,
  saxophone: makeSaxophone,
  flute: makeFlute,
  xylophone: makeXylophone,
  accordion: makeAccordion,
  harp: makeHarp,
  drum: makeDrum,
  bell: makeBell,
  clock: makeClock,
  bird: makeBird,
  dog: makeDog,
  hammer: makeHammer,
  car: makeCar,
  siren: makeSiren,
};
