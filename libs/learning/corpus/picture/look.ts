/**
 * The look of one drawn object: colours and finish. All kinds of object draw from the same broad distribution,
 * so that colour says nothing about the kind.
 */
import type { SeededRandom } from '#core/random';
import type { Colour, Finish } from './brush.ts';

export interface Look {
  body: Colour;
  second: Colour;
  third: Colour;
  /** Near white with a tint: keys, dials, drum heads. */
  light: Colour;
  /** Near black with a tint: sound holes, black keys, tyres. */
  dark: Colour;
  finish: Finish;
}

export function randomColour(random: SeededRandom): Colour {
  return {
    hue: random.uniform(0, 360),
    saturation: random.next() < 0.2 ? random.uniform(0, 0.15) : random.uniform(0.15, 0.95),
    lightness: random.uniform(0.2, 0.82),
  };
}

/** A colour that stands out from another one in lightness. */
export function contrasting(random: SeededRandom, other: Colour): Colour {
  const colour = randomColour(random);
  const gap = random.uniform(0.22, 0.4);
  colour.lightness = other.lightness > 0.5 ? other.lightness - gap : other.lightness + gap;
  return colour;
}

export function randomLook(random: SeededRandom): Look {
  const body = randomColour(random);
  const outlined = random.next() < 0.72;
  const tint = random.uniform(0, 360);
  return {
    body,
    second: contrasting(random, body),
    third: randomColour(random),
    light: { hue: tint, saturation: random.uniform(0, 0.5), lightness: random.uniform(0.8, 0.96) },
    dark: { hue: tint + 180, saturation: random.uniform(0, 0.4), lightness: random.uniform(0.07, 0.2) },
    finish: {
      outlineWidth: outlined ? random.uniform(0.006, 0.018) : 0,
      outline: {
        hue: random.uniform(0, 360),
        saturation: random.uniform(0, 0.5),
        lightness: random.next() < 0.1 ? random.uniform(0.85, 0.97) : random.uniform(0.05, 0.22),
      },
      shading: random.next() < 0.2 ? 0 : random.uniform(0.2, 1),
      lightX: random.uniform(-1, 1),
    },
  };
}
