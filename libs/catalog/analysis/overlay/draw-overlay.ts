/** A map over the picture that it belongs to, with its scale beside it. */
import { resizeMap } from '#model/localization/resize-map';
import type { Box } from '#model/localization/sounding-box';
import { colourIndex, INFERNO } from './colour-map.ts';
import { type Canvas, type Colour, drawText, fillRectangle, textHeight, textWidth } from './lettering.ts';

export interface Overlay {
  /** `[side * side]`, 0..1 */
  map: Float32Array;
  side: number;
  /** From which value on a place counts as sounding: drawn as a line. */
  threshold: number;
  /** Drawn with their names. */
  boxes: readonly { box: Box; label: string }[];
  /** What stands above the scale, such as the verdict. */
  caption: string;
}

const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [0, 0, 0];
const BOX: Colour = [64, 224, 208];
/** How much of the colour is taken away where nothing sounds, so that the heat stands out. */
const FADED = 0.55;
/** How much of the picture the hottest colour covers. */
const OPACITY = 0.72;
/** Values below it are left clear, or a faint haze would lie over everything. */
const HAZE = 0.04;

/** Height of the strip with the scale, for a picture of this size. */
export function legendHeight(width: number, height: number): number {
  return even(6 * scaleOf(width, height) + textHeight(scaleOf(width, height)));
}

/**
 * @param picture `[height * width * 3]`
 * @returns `[(height + legendHeight) * width * 3]`
 */
export function drawOverlay(
  picture: Uint8Array,
  width: number,
  height: number,
  overlay: Overlay,
): Uint8Array<ArrayBuffer> {
  const canvas = {
    rgb: new Uint8Array((height + legendHeight(width, height)) * width * 3),
    width,
    height: height + legendHeight(width, height),
  };
  const map = resizeMap(overlay.map, overlay.side, width, height);
  blend(canvas, picture, map);
  drawContour(canvas, map, height, overlay.threshold, Math.max(1, Math.round(scaleOf(width, height) / 2)));
  for (const { box, label } of overlay.boxes) drawBox(canvas, box, label, height);
  drawLegend(canvas, overlay, height);
  return canvas.rgb;
}

function blend({ rgb }: Canvas, picture: Uint8Array, map: Float32Array): void {
  for (let pixel = 0; pixel < map.length; pixel++) {
    const value = map[pixel] as number;
    const at = 3 * pixel;
    const [red, green, blue] = [picture[at] as number, picture[at + 1] as number, picture[at + 2] as number];
    const grey = 0.299 * red + 0.587 * green + 0.114 * blue;
    const faded = FADED * (1 - value);
    const heat = OPACITY * Math.min(1, Math.max(0, (value - HAZE) / (0.6 - HAZE)));
    const colour = colourIndex(INFERNO, value);
    for (let channel = 0; channel < 3; channel++) {
      const own = picture[at + channel] as number;
      const under = own + faded * (grey - own);
      rgb[at + channel] = Math.round(under + heat * ((INFERNO[colour + channel] as number) - under));
    }
  }
}

/** A line where the map crosses the threshold. */
function drawContour(
  canvas: Canvas,
  map: Float32Array,
  height: number,
  threshold: number,
  thick: number,
): void {
  const { width } = canvas;
  for (let y = 0; y < height - 1; y++) {
    for (let x = 0; x < width - 1; x++) {
      const i = y * width + x;
      const inside = (map[i] as number) >= threshold;
      const crosses =
        inside !== (map[i + 1] as number) >= threshold || inside !== (map[i + width] as number) >= threshold;
      if (crosses) fillRectangle(canvas, x, y, thick, thick, WHITE);
    }
  }
}

function drawBox(canvas: Canvas, box: Box, label: string, height: number): void {
  const { width } = canvas;
  const scale = scaleOf(width, height);
  const line = Math.max(1, scale);
  const [left, top] = [Math.round(box.x * width), Math.round(box.y * height)];
  const [across, down] = [Math.round(box.width * width), Math.round(box.height * height)];
  fillRectangle(canvas, left, top, across, line, BOX);
  fillRectangle(canvas, left, top + down - line, across, line, BOX);
  fillRectangle(canvas, left, top, line, down, BOX);
  fillRectangle(canvas, left + across - line, top, line, down, BOX);
  if (label === '') return;
  const tall = textHeight(scale) + 2 * scale;
  const above = top >= tall ? top - tall : top;
  fillRectangle(canvas, left, above, textWidth(label, scale) + 4 * scale, tall, BOX);
  drawText(canvas, label, left + 2 * scale, above + scale, scale, BLACK);
}

/** Caption, then a bar from 0 to 1 with the threshold marked on it. */
function drawLegend(canvas: Canvas, { threshold, caption }: Overlay, height: number): void {
  const { width } = canvas;
  const scale = scaleOf(width, height);
  const top = height + 3 * scale;
  const margin = 4 * scale;
  const captionWidth = textWidth(caption, scale) + 4 * margin;
  const withCaption = captionWidth < 0.6 * width;
  if (withCaption) drawText(canvas, caption, margin, top, scale, WHITE);
  const zero = withCaption ? captionWidth : margin;
  drawText(canvas, '0', zero, top, scale, WHITE);
  const from = zero + textWidth('0', scale) + margin;
  const to = width - margin - textWidth('1', scale) - margin;
  for (let x = Math.round(from); x < to; x++) {
    const colour = colourIndex(INFERNO, (x - from) / (to - from));
    const rgb = [...INFERNO.subarray(colour, colour + 3)] as unknown as Colour;
    fillRectangle(canvas, x, top, 1, textHeight(scale), rgb);
  }
  const mark = from + threshold * (to - from);
  fillRectangle(
    canvas,
    mark - scale / 2,
    top - scale,
    Math.max(1, scale),
    textHeight(scale) + 2 * scale,
    WHITE,
  );
  drawText(canvas, '1', to + margin, top, scale, WHITE);
}

/** Pixels of a dot of the lettering. */
function scaleOf(width: number, height: number): number {
  return Math.max(1, Math.round(Math.min(width, height) / 320));
}

function even(value: number): number {
  return 2 * Math.ceil(value / 2);
}
