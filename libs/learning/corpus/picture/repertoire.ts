/** Which maker draws which kind of sounding object; recorded kinds show a picture instead. */
import type { DrawnClass } from '../performance.ts';
import type { ObjectMaker } from './drawn-object.ts';
import { makeAccordion } from './objects/accordion.ts';
import { makeBird } from './objects/bird.ts';
import { makeCello, makeViolin } from './objects/bowed.ts';
import { makeCar } from './objects/car.ts';
import { makeDog } from './objects/dog.ts';
import { makeHammer } from './objects/hammer.ts';
import { makeDrum, makeXylophone } from './objects/percussion.ts';
import { makePiano } from './objects/piano.ts';
import { makeGuitar, makeHarp } from './objects/plucked.ts';
import { makeSiren } from './objects/siren.ts';
import { makeBell, makeClock } from './objects/timekeepers.ts';
import { makeFlute, makeSaxophone, makeTrumpet } from './objects/winds.ts';

export const OBJECT_MAKERS: Record<DrawnClass, ObjectMaker> = {
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
