/** The picture without what is pointed at: what else could be heard. */
import type { PixelBlock } from '../front-ends/video-batch.ts';
import type { Box } from '../localization/sounding-box.ts';

/** With less of the picture left there is no rest to ask about. */
const SMALLEST_REST = 0.1;
/** Pixels around the part whose mean colour it is painted with. */
const BORDER = 4;

/**
 * The frames with a part of the picture painted over, in each of them in the mean colour of what surrounds it.
 *
 * @param frames `[count, height, width, 3]`
 * @param inPlace whether the frames given may be painted over themselves
 * @returns null where the part is nearly all of the picture
 */
export function withoutPart(
  frames: PixelBlock,
  { width, height }: { width: number; height: number },
  part: Box,
  inPlace = false,
): PixelBlock | null {
  if (part.width * part.height > 1 - SMALLEST_REST) return null;
  const left = Math.max(0, Math.floor(part.x * width));
  const right = Math.min(width, Math.ceil((part.x + part.width) * width));
  const top = Math.max(0, Math.floor(part.y * height));
  const bottom = Math.min(height, Math.ceil((part.y + part.height) * height));
  const border: number[] = [];
  for (let y = Math.max(0, top - BORDER); y < Math.min(height, bottom + BORDER); y++) {
    for (let x = Math.max(0, left - BORDER); x < Math.min(width, right + BORDER); x++) {
      const isInside = x >= left && x < right && y >= top && y < bottom;
      if (!isInside) border.push((y * width + x) * 3);
    }
  }
  const data = inPlace ? frames.data : frames.data.slice();
  const size = width * height * 3;
  for (let frame = 0; frame < frames.count; frame++) {
    const colour = [0, 1, 2].map((channel) => meanAt(data, frame * size + channel, border));
    const firstLine = frame * size + (top * width + left) * 3;
    const lineBytes = (right - left) * 3;
    for (let i = 0; i < lineBytes; i++) data[firstLine + i] = colour[i % 3] as number;
    for (let y = 1; y < bottom - top; y++)
      data.copyWithin(firstLine + y * width * 3, firstLine, firstLine + lineBytes);
  }
  return { data, count: frames.count };
}

function meanAt(data: PixelBlock['data'], from: number, places: readonly number[]): number {
  let sum = 0;
  for (const at of places) sum += data[from + at] as number;
  return sum / Math.max(1, places.length);
}
