/** Which maker draws which kind of sounding object; recorded kinds show a picture instead. */
import type { DrawnClass } from '../performance.ts';
import type { ObjectMaker } from './drawn-object.ts';
import { makeAccordion } from './objects/accordion.ts';
import { makeBagpipe } from './objects/bagpipe.ts';
import { makeBanjo } from './objects/banjo.ts';
import { makeBird } from './objects/bird.ts';
import { makeCello, makeViolin } from './objects/bowed.ts';
import { makeCar } from './objects/car.ts';
import { makeChoir } from './objects/choir.ts';
import { makeClarinet } from './objects/clarinet.ts';
import { makeDog } from './objects/dog.ts';
import { makeFlute } from './objects/flute.ts';
import { makeGuitar } from './objects/guitar.ts';
import { makeHammer } from './objects/hammer.ts';
import { makeHarmonica } from './objects/harmonica.ts';
import { makeHarp } from './objects/harp.ts';
import { makeOrgan } from './objects/organ.ts';
import { makeDrum, makeXylophone } from './objects/percussion.ts';
import { makePiano } from './objects/piano.ts';
import { makeSaxophone } from './objects/saxophone.ts';
import { makeSiren } from './objects/siren.ts';
import { makeBell, makeClock } from './objects/timekeepers.ts';
import { makeTimpani } from './objects/timpani.ts';
import { makeTrombone } from './objects/trombone.ts';
import { makeTrumpet } from './objects/trumpet.ts';

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
  organ: makeOrgan,
  clarinet: makeClarinet,
  trombone: makeTrombone,
  harmonica: makeHarmonica,
  banjo: makeBanjo,
  choir: makeChoir,
  bagpipe: makeBagpipe,
  timpani: makeTimpani,
};
