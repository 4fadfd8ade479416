/** Cut-out pictures: drawings by their own transparency, photographs by a soft rounded mask. */
import { createHash } from 'node:crypto';
import { type Canvas, createCanvas, type Image, loadImage } from '@napi-rs/canvas';
import { EarshotError } from '#core/errors';
import type { Crop } from './catalogue.ts';

/** Longer side of a sprite: no frame of the corpus shows it larger. */
const SPRITE_SIDE_PX = 384;
/** Alpha from which a pixel counts as part of the thing. */
const ALPHA_MIN = 24;
/** Width of a photograph's soft edge as a share of its shorter side. */
const SOFT_EDGE = 0.06;

const WHOLE: Crop = { x: 0, y: 0, width: 1, height: 1 };

/** A picture ready to be drawn, with the hash of the file that it came from. */
export interface Sprite {
  image: Canvas;
  pictureSha256: string;
}

/**
 * Cuts the thing out of a PNG, SVG, JPEG or WebP and trims it to what can be seen.
 *
 * @param file names the picture in errors
 * @param part of the picture, all of it unless told
 * @throws EarshotError `media_unrecognised` where it is no picture, or an empty one
 */
export async function cutOut(bytes: Buffer, file: string, part: Crop = WHOLE): Promise<Sprite> {
  let image: Image;
  try {
    image = await loadImage(bytes);
  } catch (cause) {
    throw new EarshotError('media_unrecognised', `${file} is not a picture.`, { subject: file, cause });
  }
  const canvas = drawPart(image, part);
  const box = visibleBox(canvas);
  if (!box) throw new EarshotError('media_unrecognised', `${file} shows nothing.`, { subject: file });
  if (box.opaque) softenEdge(canvas);
  return {
    image: crop(canvas, box),
    pictureSha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

function drawPart(image: Image, part: Crop): Canvas {
  const [width, height] = [part.width * image.width, part.height * image.height];
  const scale = SPRITE_SIDE_PX / Math.max(width, height);
  const canvas = createCanvas(
    Math.max(1, Math.round(width * scale)),
    Math.max(1, Math.round(height * scale)),
  );
  const ctx = canvas.getContext('2d');
  ctx.imageSmoothingQuality = 'high';
  const [x, y] = [part.x * image.width, part.y * image.height];
  ctx.drawImage(image, x, y, width, height, 0, 0, canvas.width, canvas.height);
  return canvas;
}

interface VisibleBox {
  left: number;
  top: number;
  width: number;
  height: number;
  /** Whether no pixel is transparent: a photograph with its background. */
  opaque: boolean;
}

function visibleBox(canvas: Canvas): VisibleBox | null {
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  let [left, top, right, bottom] = [width, height, -1, -1];
  let seen = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((data[(y * width + x) * 4 + 3] as number) < ALPHA_MIN) continue;
      seen++;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  if (right < 0) return null;
  const opaque = seen === width * height;
  return { left, top, width: right + 1 - left, height: bottom + 1 - top, opaque };
}

function softenEdge(canvas: Canvas): void {
  const { width, height } = canvas;
  const edge = SOFT_EDGE * Math.min(width, height);
  const radius = 0.2 * Math.min(width, height);
  const mask = createCanvas(width, height);
  const ctx = mask.getContext('2d');
  ctx.filter = `blur(${(edge / 2).toFixed(1)}px)`;
  ctx.beginPath();
  ctx.roundRect(edge, edge, width - 2 * edge, height - 2 * edge, radius);
  ctx.fillStyle = '#000';
  ctx.fill();
  const target = canvas.getContext('2d');
  target.globalCompositeOperation = 'destination-in';
  target.drawImage(mask, 0, 0);
}

function crop(canvas: Canvas, { left, top, width, height }: VisibleBox): Canvas {
  const cropped = createCanvas(width, height);
  cropped.getContext('2d').drawImage(canvas, left, top, width, height, 0, 0, width, height);
  return cropped;
}
