/** Small letters of dots, for legends: no machine needs to have a font for them. */

/** Rows of five dots, from the top; `#` is ink. */
const GLYPHS: Record<string, string> = {
  '0': '.###. #...# #..## #.#.# ##..# #...# .###.',
  '1': '..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.',
  '2': '.###. #...# ....# ..##. .#... #.... #####',
  '3': '##### ...#. ..#.. ...#. ....# #...# .###.',
  '4': '...#. ..##. .#.#. #..#. ##### ...#. ...#.',
  '5': '##### #.... ####. ....# ....# #...# .###.',
  '6': '..##. .#... #.... ####. #...# #...# .###.',
  '7': '##### ....# ...#. ..#.. .#... .#... .#...',
  '8': '.###. #...# #...# .###. #...# #...# .###.',
  '9': '.###. #...# #...# .#### ....# ...#. .##..',
  '.': '..... ..... ..... ..... ..... .##.. .##..',
  '-': '..... ..... ..... .###. ..... ..... .....',
  '%': '##..# ##..# ...#. ..#.. .#... #..## #..##',
  ':': '..... .##.. .##.. ..... .##.. .##.. .....',
  a: '..... ..... .###. ....# .#### #...# .####',
  b: '#.... #.... ####. #...# #...# #...# ####.',
  c: '..... ..... .#### #.... #.... #.... .####',
  d: '....# ....# .#### #...# #...# #...# .####',
  e: '..... ..... .###. #...# ##### #.... .###.',
  f: '..##. .#..# .#... ###.. .#... .#... .#...',
  g: '..... .#### #...# #...# .#### ....# .###.',
  h: '#.... #.... ####. #...# #...# #...# #...#',
  i: '..#.. ..... .##.. ..#.. ..#.. ..#.. .###.',
  j: '...#. ..... ..##. ...#. ...#. #..#. .##..',
  k: '#.... #.... #..#. #.#.. ##... #.#.. #..#.',
  l: '.##.. ..#.. ..#.. ..#.. ..#.. ..#.. .###.',
  m: '..... ..... ##.#. #.#.# #.#.# #...# #...#',
  n: '..... ..... ####. #...# #...# #...# #...#',
  o: '..... ..... .###. #...# #...# #...# .###.',
  p: '..... ..... ####. #...# ####. #.... #....',
  q: '..... ..... .#### #...# .#### ....# ....#',
  r: '..... ..... #.##. ##..# #.... #.... #....',
  s: '..... ..... .#### #.... .###. ....# ####.',
  t: '.#... .#... ###.. .#... .#... .#..# ..##.',
  u: '..... ..... #...# #...# #...# #...# .####',
  v: '..... ..... #...# #...# #...# .#.#. ..#..',
  w: '..... ..... #...# #...# #.#.# #.#.# .#.#.',
  x: '..... ..... #...# .#.#. ..#.. .#.#. #...#',
  y: '..... ..... #...# #...# .#### ....# .###.',
  z: '..... ..... ##### ...#. ..#.. .#... #####',
};

const GLYPH_WIDTH = 5;
const GLYPH_HEIGHT = 7;
const ADVANCE = GLYPH_WIDTH + 1;

export interface Canvas {
  /** `[height * width * 3]` */
  rgb: Uint8Array;
  width: number;
  height: number;
}

export type Colour = readonly [number, number, number];

/** Width of a text in pixels. */
export function textWidth(text: string, scale: number): number {
  return (text.length * ADVANCE - 1) * scale;
}

/** Height of a line in pixels. */
export function textHeight(scale: number): number {
  return GLYPH_HEIGHT * scale;
}

/** Writes small letters, figures and a few signs; anything else is left blank. */
export function drawText(
  canvas: Canvas,
  text: string,
  left: number,
  top: number,
  scale: number,
  colour: Colour,
): void {
  [...text.toLowerCase()].forEach((letter, i) => {
    const rows = GLYPHS[letter]?.split(' ') ?? [];
    rows.forEach((row, y) => {
      for (let x = 0; x < GLYPH_WIDTH; x++) {
        if (row[x] !== '#') continue;
        fillRectangle(canvas, left + (i * ADVANCE + x) * scale, top + y * scale, scale, scale, colour);
      }
    });
  });
}

/** What lies outside the canvas is left out. */
export function fillRectangle(
  { rgb, width, height }: Canvas,
  left: number,
  top: number,
  across: number,
  down: number,
  colour: Colour,
): void {
  for (let y = Math.max(0, Math.round(top)); y < Math.min(height, Math.round(top + down)); y++) {
    for (let x = Math.max(0, Math.round(left)); x < Math.min(width, Math.round(left + across)); x++)
      rgb.set(colour, (y * width + x) * 3);
  }
}
