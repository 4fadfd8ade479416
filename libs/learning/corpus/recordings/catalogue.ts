/**
 * The recordings and pictures that the recorded classes are made from: where each lies in its Debian package, who
 * made it, and under what licence. Licences were read file by file: in gcompris-qt-data from the README beside each
 * file (inside its resource file), in tuxpaint-stamps-default from the picture's own metadata and the package's
 * changelog. What no such note covers counts as under the package's GPL.
 */
import { RECORDED_CLASSES, type RecordedClass, type SoundClass } from '../performance.ts';

export type SourcePackage = 'gcompris-qt-data' | 'tuxpaint-stamps-default';

type Licence =
  | 'public domain'
  | 'CC0-1.0'
  | 'CC-BY-2.0'
  | 'CC-BY-3.0'
  | 'CC-BY-SA (version not stated)'
  | 'GPL-2'
  | 'GPL-3';

/** In fractions of the picture, origin at the top left. */
export interface Crop {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** One file of a package. */
export interface MediaSource {
  package: SourcePackage;
  /** Path below the root of the package's tree. */
  file: string;
  /** Path within `file`, where that is a Qt resource file. */
  entry?: string;
  licence: Licence;
  author: string;
  /** The part of a photograph that shows what sounds; all of it where unset. */
  crop?: Crop;
}

/** One recorded thing: a picture and a recording that are only ever used together. */
export interface RecordedMember {
  id: string;
  soundClass: RecordedClass;
  thing: string;
  picture: MediaSource;
  sound: MediaSource;
  /** Members held out are seen and heard in no split but `unseen`. */
  group: 'seen' | 'unseen';
}

type Credit = readonly [licence: Licence, author: string];

const KENDRICK: Credit = ['GPL-2', 'Bill Kendrick and the contributors of Tux Paint'];
const COUDOIN: Credit = ['GPL-3', 'Bruno Coudoin and others'];
const FORD: Credit = ['CC-BY-SA (version not stated)', 'Caroline Ford'];

function music(
  soundClass: RecordedClass,
  thing: string,
  [picture, pictureCredit]: readonly [name: string, credit: Credit],
  [sound, soundCredit]: readonly [name: string, credit: Credit],
  crop?: Crop,
): RecordedMember {
  const media = (name: string, [licence, author]: Credit): MediaSource => ({
    package: 'gcompris-qt-data',
    file: 'usr/share/gcompris-qt/rcc/explore_world_music.rcc',
    entry: `gcompris/src/activities/explore_world_music/resource/music/${name}`,
    licence,
    author,
  });
  return {
    id: `gcompris-${sound.replace('.ogg', '')}`,
    soundClass,
    thing,
    picture: { ...media(picture, pictureCredit), crop },
    sound: media(sound, soundCredit),
    group: 'seen',
  };
}

function farm(
  soundClass: RecordedClass,
  thing: string,
  picture: string,
  pictureCredit: Credit,
  sound = thing,
  group: RecordedMember['group'] = 'seen',
): RecordedMember {
  const media = (name: string, [licence, author]: Credit): MediaSource => ({
    package: 'gcompris-qt-data',
    file: 'usr/share/gcompris-qt/rcc/explore_farm_animals.rcc',
    entry: `gcompris/src/activities/explore_farm_animals/resource/animals/${name}`,
    licence,
    author,
  });
  return {
    id: `gcompris-${thing}`,
    soundClass,
    thing,
    picture: media(picture, pictureCredit),
    sound: media(`${sound}.ogg`, COUDOIN),
    group,
  };
}

function stamp(
  soundClass: RecordedClass,
  thing: string,
  file: string,
  group: RecordedMember['group'] = 'seen',
  credits: { picture: Credit; sound: Credit } = { picture: KENDRICK, sound: KENDRICK },
): RecordedMember {
  const stem = file.replace(/\.\w+$/, '');
  const media = (name: string, [licence, author]: Credit): MediaSource => ({
    package: 'tuxpaint-stamps-default',
    file: `usr/share/tuxpaint/stamps/${name}`,
    licence,
    author,
  });
  return {
    id: `tuxpaint-${stem.split('/').at(-1)?.toLowerCase()}`,
    soundClass,
    thing,
    picture: media(file, credits.picture),
    sound: media(`${stem}.ogg`, credits.sound),
    group,
  };
}

const MAMMALS = 'animals/mammals';
const BIRDS = 'animals/birds';

export const RECORDED_MEMBERS: readonly RecordedMember[] = [
  music(
    'didgeridoo',
    'didgeridoo player',
    ['australia.webp', ['CC-BY-2.0', 'Steve Evans']],
    ['australia.ogg', ['public domain', 'Jouke Kooistra and Rob Tol']],
  ),
  music(
    'hand-drum',
    'hand drums',
    ['africa.webp', ['public domain', 'Kenneth Ritchards']],
    ['africa.ogg', ['CC0-1.0', 'Michi Henning']],
  ),
  music(
    'taiko',
    'taiko ensemble',
    ['japan.webp', ['public domain', 'takami torao']],
    ['japan.ogg', ['CC0-1.0', 'Scott Harding']],
    { x: 0.5, y: 0.42, width: 0.47, height: 0.43 },
  ),
  music(
    'orchestra',
    'symphony orchestra',
    ['orchestra.webp', ['public domain', 'ABC Informática']],
    ['beethoven.ogg', ['CC0-1.0', 'Drummyfish']],
    { x: 0.25, y: 0.3, width: 0.53, height: 0.55 },
  ),
  music(
    'mariachi',
    'mariachi band',
    ['mexico.webp', ['CC0-1.0', 'Elidealista']],
    ['mexico.ogg', ['public domain', 'Mex-Django']],
  ),
  music(
    'folk-band',
    'Irish folk band',
    ['ireland.webp', ['CC-BY-2.0', 'candyschwartz']],
    ['ireland.ogg', ['CC-BY-3.0', 'peakfiddler']],
    { x: 0.35, y: 0.28, width: 0.43, height: 0.7 },
  ),
  music(
    'rock-band',
    'drum kit and electric guitar',
    ['america.webp', ['CC-BY-2.0', 'Tom Harpel']],
    ['america.ogg', ['CC-BY-3.0', 'Karel Schmiedberger']],
  ),
  music(
    'opera',
    'opera singers',
    ['italy.webp', ['CC0-1.0', 'SoriamuséuM']],
    ['italy.ogg', ['public domain', 'Enrico Caruso, restored by Adam Cuerden']],
    { x: 0.2, y: 0.28, width: 0.52, height: 0.72 },
  ),
  stamp('vacuum-cleaner', 'vacuum cleaner', 'household/vacuum_cleaner.svg', 'seen', {
    picture: ['public domain', 'Jaime Sanchez'],
    sound: FORD,
  }),
  stamp('washing-machine', 'washing machine', 'household/Washing-machine.svg', 'seen', {
    picture: ['public domain', 'ZS a MS Machovo nam.'],
    sound: FORD,
  }),

  stamp('cow', 'brown cow', `${MAMMALS}/bovines/cow.png`),
  farm('cow', 'cow', 'cow.webp', ['public domain', 'Dohduhdah']),
  stamp('cow', 'white cow', `${MAMMALS}/bovines/cow_white.png`, 'unseen'),
  stamp('horse', 'horse', `${MAMMALS}/equines/horse.png`),
  farm('horse', 'horse', 'horse.webp', ['CC0-1.0', 'Seth Zeigler'], 'horse', 'unseen'),
  stamp('sheep', 'sheep', `${MAMMALS}/bovines/sheep.png`),
  stamp('sheep', 'lamb', `${MAMMALS}/bovines/sheep_lamb.png`),
  farm('sheep', 'sheep', 'sheep.webp', ['CC0-1.0', 'Rob Mitchell'], 'sheep', 'unseen'),
  stamp('pig', 'pig', `${MAMMALS}/pig.png`),
  farm('pig', 'pig', 'pig.webp', ['public domain', 'Teinesavaii']),
  stamp('pig', 'brown pig', `${MAMMALS}/pig_golden.png`, 'unseen'),
  stamp('cat', 'black cat', 'seasonal/halloween/blackcat.png'),
  farm('cat', 'cat', 'cat.webp', ['public domain', 'Loliloli'], 'cat', 'unseen'),
  stamp('duck', 'duck', `${BIRDS}/duck.png`),
  stamp('duck', 'drake', `${BIRDS}/drake.png`),
  farm('duck', 'duck', 'duck.webp', ['CC0-1.0', 'Bernard Spragg'], 'duck', 'unseen'),
  stamp('hen', 'hen', `${BIRDS}/hen.png`),
  farm('hen', 'hens', 'chicken.webp', ['public domain', 'Tranquilles'], 'chickens', 'unseen'),
  stamp('owl', 'owl', `${BIRDS}/owl.png`),
  farm('owl', 'owl', 'owl.webp', ['CC0-1.0', 'Lepale'], 'owl', 'unseen'),
  stamp('insect', 'bee', 'animals/insects/bee.png'),
  stamp('insect', 'grasshopper', 'animals/insects/grasshopper.png'),
  stamp('insect', 'hornet', 'animals/insects/hornet.png', 'unseen'),
  stamp('big-cat', 'lion', `${MAMMALS}/cats/lion.png`),
  stamp('big-cat', 'tiger', `${MAMMALS}/cats/tiger.png`, 'unseen'),
  stamp('ape', 'chimpanzee', `${MAMMALS}/apes/chimp.png`),
  stamp('ape', 'gorilla', `${MAMMALS}/apes/gorilla.png`, 'unseen'),
  stamp('crow', 'crow', `${BIRDS}/crow.png`),
  stamp('rooster', 'rooster', `${BIRDS}/rooster.png`),
  stamp('turkey', 'turkey', `${BIRDS}/turkey.png`),
  stamp('gull', 'gull', `${BIRDS}/seagull.png`),
  stamp('frog', 'frog', 'animals/amphibians/frog.png'),
  stamp('goat', 'goat', `${MAMMALS}/bovines/goat.png`),
  stamp('donkey', 'donkey', `${MAMMALS}/equines/donkey.png`),
  stamp('elephant', 'elephant', `${MAMMALS}/elephant.png`),
  stamp('bear', 'bear', `${MAMMALS}/bears/bear.png`),
  stamp('kettle', 'electric kettle', 'household/kettle.png', 'seen', { picture: KENDRICK, sound: FORD }),
  stamp('saw', 'saw', 'household/tools/saw.png'),
];

/** Whether nothing in the member is under a GPL, so that what is learned from it may be shipped. */
export function isOpen(member: RecordedMember): boolean {
  return [member.picture, member.sound].every(({ licence }) => !licence.startsWith('GPL'));
}

/** The recorded kinds that have a member under the licences asked for, in the order of RECORDED_CLASSES. */
export function recordedClasses(gplSources: boolean): RecordedClass[] {
  const usable = RECORDED_MEMBERS.filter((member) => gplSources || isOpen(member));
  return RECORDED_CLASSES.filter((each) => usable.some(({ soundClass }) => soundClass === each));
}

export function isRecorded(soundClass: SoundClass): soundClass is RecordedClass {
  return (RECORDED_CLASSES as readonly SoundClass[]).includes(soundClass);
}
