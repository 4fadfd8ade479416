/**
 * Colours for values in 0..1, as bright as the value is high and even to the eye: matplotlib's `inferno` and `magma`, from
 * points along them.
 *
 * @see Smith & van der Walt 2015, "A better default colormap for matplotlib"
 */
type Point = readonly [number, number, number];

const INFERNO_POINTS: readonly Point[] = [
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
];

const MAGMA_POINTS: readonly Point[] = [
  [0, 0, 4],
  [40, 17, 89],
  [114, 31, 129],
  [183, 55, 121],
  [241, 96, 93],
  [254, 176, 120],
  [252, 253, 191],
];

/** `[256 * 3]` */
export const INFERNO = coloursAlong(INFERNO_POINTS, 256);
/** `[1024 * 3]`: spectrograms have smooth ground, on which coarser steps would show. */
export const MAGMA = coloursAlong(MAGMA_POINTS, 1024);

function coloursAlong(points: readonly Point[], levels: number): Uint8Array {
  return Uint8Array.from({ length: levels * 3 }, (_, i) => {
    const place = (Math.floor(i / 3) / (levels - 1)) * (points.length - 1);
    const below = Math.min(points.length - 2, Math.floor(place));
    const channel = (i % 3) as 0 | 1 | 2;
    const [from, to] = [points[below]?.[channel] ?? 0, points[below + 1]?.[channel] ?? 0];
    return Math.round(from + (place - below) * (to - from));
  });
}

/** Index of a value's colour in one of the maps. */
export function colourIndex(map: Uint8Array, value: number): number {
  return 3 * Math.round(Math.min(1, Math.max(0, value)) * (map.length / 3 - 1));
}
