/**
 * Colours for values in 0..1, as bright as the value is high and even to the eye: matplotlib's `inferno`, from points
 * along it.
 *
 * @see Smith & van der Walt 2015, "A better default colormap for matplotlib"
 */
const POINTS = [
  [0, 0, 4],
  [22, 11, 57],
  [66, 10, 104],
  [106, 23, 110],
  [147, 38, 103],
  [188, 55, 84],
  [221, 81, 58],
  [243, 120, 25],
  [252, 165, 10],
  [246, 215, 70],
  [252, 255, 164],
] as const;

const LEVELS = 256;

/** `[256 * 3]` */
export const INFERNO: Uint8Array = Uint8Array.from({ length: LEVELS * 3 }, (_, i) => {
  const place = (Math.floor(i / 3) / (LEVELS - 1)) * (POINTS.length - 1);
  const below = Math.min(POINTS.length - 2, Math.floor(place));
  const channel = (i % 3) as 0 | 1 | 2;
  const [from, to] = [POINTS[below]?.[channel] ?? 0, POINTS[below + 1]?.[channel] ?? 0];
  return Math.round(from + (place - below) * (to - from));
});

/** Index of a value's colour in `INFERNO`. */
export function colourIndex(value: number): number {
  return 3 * Math.round(Math.min(1, Math.max(0, value)) * (LEVELS - 1));
}
