/**
 * The baseline of the `concepts` suite: twenty concepts picked out of the class lists by regular expressions, mean
 * class scores to the power 0.3, centred over the clips at hand, cosine. Nothing in it is calibrated or learned.
 */
interface BridgeConcept {
  name: string;
  sound: RegExp;
  sight: RegExp;
}

/** Named as the concept table names them. */
const BRIDGE: readonly BridgeConcept[] = [
  {
    name: 'dog',
    sound: /^(Dog|Bark|Bow-wow|Yip|Growling|Whimper \(dog\))$/,
    sight:
      /terrier|hound|retriever|spaniel|poodle|husky|malamute|collie|corgi|mastiff|pug|beagle|Chihuahua|schnauzer|setter|shepherd|dalmatian/i,
  },
  { name: 'cat', sound: /^(Cat|Meow|Purr)$/, sight: /\bcat\b(?!.*(bear|fish))/i },
  {
    name: 'bird',
    sound: /^Bird|Chirp|^Crow$|Pigeon/,
    sight:
      /finch|robin|bulbul|\bjay\b|magpie|chickadee|eagle|macaw|hummingbird|toucan|bee eater|coucal|hornbill/i,
  },
  { name: 'baby', sound: /Baby|Babbling/, sight: /bassinet|cradle|\bcrib\b|diaper|\bbib\b/i },
  { name: 'cough', sound: /Cough|Throat/, sight: /handkerchief|oxygen mask|neck brace/i },
  {
    name: 'crowd',
    sound: /Crowd|Cheering|Applause/,
    sight: /scoreboard|\bstage\b|football helmet|ballplayer/i,
  },
  { name: 'singing', sound: /^Singing$|^Choir$|Vocal music/, sight: /microphone|\bstage\b/i },
  { name: 'guitar', sound: /guitar/i, sight: /guitar/i },
  { name: 'double bass', sound: /Double bass|Cello|Bowed string/, sight: /cello|violin/i },
  { name: 'harp', sound: /^Harp$/, sight: /^harp$/i },
  { name: 'drum kit', sound: /[Dd]rum|Cymbal|Hi-hat/, sight: /\bdrum\b|drumstick/i },
  { name: 'hand drum', sound: /Tabla|Percussion|Wood block/, sight: /\bdrum\b/i },
  { name: 'mallet percussion', sound: /Mallet|Marimba|Vibraphone|Glockenspiel/, sight: /marimba/i },
  {
    name: 'car',
    sound: /^Car\b|Vehicle|Engine|Accelerating/,
    sight: /\bcar\b|\bcab\b|limousine|minivan|convertible|jeep|wagon|racer/i,
  },
  { name: 'gun', sound: /Gunshot|Machine gun|Fusillade/, sight: /rifle|revolver|holster|assault/i },
  { name: 'fireworks', sound: /Firework|Firecracker|Explosion/, sight: /fountain|torch|volcano|spotlight/i },
  { name: 'hammer', sound: /Hammer|Tools|Clang/, sight: /hammer|\bnail\b|carpenter/i },
  { name: 'paper', sound: /Tearing|Crumpling/, sight: /paper towel|envelope|toilet tissue|packet/i },
  { name: 'waterfall', sound: /Waterfall|^Water$|Stream/, sight: /\bdam\b|cliff|fountain|geyser|valley/i },
  {
    name: 'ball',
    sound: /Bouncing|Basketball|Thwack|Whack/,
    sight: /\bball\b|racket|volleyball|basketball/i,
  },
];

export const BRIDGE_CONCEPTS: readonly string[] = BRIDGE.map(({ name }) => name);

const EXPONENT = 0.3;

/** Mean class scores of a clip, `[classes]`, for each tower. */
export interface BridgeClip {
  audio: Float64Array;
  video: Float64Array;
}

/** Vectors of the baseline, `[20]`, centred over these clips. */
export function naiveBridge(
  clips: readonly BridgeClip[],
  names: { audio: readonly string[]; video: readonly string[] },
): BridgeClip[] {
  const audio = axes(
    clips.map((clip) => clip.audio),
    BRIDGE.map(({ sound }) => matching(names.audio, sound)),
  );
  const video = axes(
    clips.map((clip) => clip.video),
    BRIDGE.map(({ sight }) => matching(names.video, sight)),
  );
  return clips.map((_, i) => ({ audio: audio[i] as Float64Array, video: video[i] as Float64Array }));
}

function matching(names: readonly string[], pattern: RegExp): number[] {
  return names.flatMap((name, index) => (pattern.test(name) ? [index] : []));
}

/** The best class of each concept, to the power, less its mean over the clips. */
function axes(scores: readonly Float64Array[], members: readonly number[][]): Float64Array[] {
  const powered = scores.map((clip) =>
    Float64Array.from(
      members,
      (classes) => Math.max(0, ...classes.map((c) => clip[c] as number)) ** EXPONENT,
    ),
  );
  const centre = members.map(
    (_, k) => powered.reduce((sum, row) => sum + (row[k] as number), 0) / powered.length,
  );
  return powered.map((row) => row.map((value, k) => value - (centre[k] as number)));
}
