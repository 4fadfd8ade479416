/** A real picture as a cut-out that moves with its sound: hops and squashes at onsets, swells with loudness. */
import { type Canvas, createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Pose } from '../pose.ts';

/** Which motions a clip's cut-out has, and how strong; each 0..1. */
interface Manner {
  hop: number;
  swell: number;
  sway: number;
  /** Opens like a mouth: the upper part lifts off the lower with loudness. */
  open: number;
  /** Where it opens, as a share of its height. */
  seam: number;
}

/**
 * @param image the cut-out, transparent where it is not
 */
export function makeSprite(image: Canvas): ObjectMaker {
  return (random) => {
    const tinted = recolour(image, {
      hueDeg: random.next() < 0.75 ? random.uniform(-25, 25) : random.uniform(-180, 180),
      brightness: random.uniform(0.75, 1.3),
      saturation: random.uniform(0.5, 1.4),
    });
    const [width, height] = sizeOf(image);
    const manner: Manner = {
      hop: random.uniform(0.5, 1),
      swell: random.uniform(0.5, 1),
      sway: random.uniform(0.2, 1),
      open: random.next() < 0.6 ? random.uniform(0.4, 1) : 0,
      seam: random.uniform(0.35, 0.6),
    };
    return {
      draw(brush, pose) {
        const { ctx } = brush;
        ctx.save();
        // It stands on its lower edge, which stays where it is while it swells and squashes.
        const foot = Math.min(0.48, 0.5 * height + 0.04);
        move(ctx, pose, manner, foot);
        drawOpened(ctx, tinted, width, height, manner.open * pose.loudness, manner.seam);
        ctx.restore();
      },
    };
  };
}

function move(ctx: SKRSContext2D, pose: Pose, manner: Manner, foot: number): void {
  // In the air after an onset, landing within a quarter of a second.
  const flight = Math.min(1, pose.sinceOnsetSec / 0.26);
  const lift = manner.hop * 0.09 * Math.sin(Math.PI * flight) * (0.5 + 0.5 * pose.velocity);
  const squash = 0.16 * manner.hop * pose.impact;
  const swell = 1 + 0.14 * manner.swell * pose.loudness;
  const side = pose.eventIndex % 2 === 0 ? 1 : -1;
  ctx.translate(0, foot - (pose.eventIndex < 0 ? 0 : lift));
  ctx.rotate(side * 0.14 * manner.sway * pose.impact);
  ctx.scale(swell * (1 + squash * 0.6), swell * (1 - squash));
}

/** Of equal area whatever the shape, within the unit box; room is left for hops. */
function sizeOf({ width, height }: Canvas): [width: number, height: number] {
  const scale = Math.min(0.76 / Math.sqrt(width * height), 0.92 / Math.max(width, height));
  return [width * scale, height * scale];
}

/** Draws the picture with its lower edge at the origin; `opening` 0..1 parts it at the seam. */
function drawOpened(
  ctx: SKRSContext2D,
  image: Canvas,
  width: number,
  height: number,
  opening: number,
  seam: number,
): void {
  const gap = 0.05 * opening;
  const cut = Math.round(seam * image.height);
  const upper = (height * cut) / image.height;
  const lower = height - upper;
  ctx.drawImage(image, 0, cut, image.width, image.height - cut, -width / 2, -lower, width, lower);
  if (gap > 0.002) {
    // The stretched seam fills the gap, so that the picture opens and does not break.
    ctx.drawImage(image, 0, cut - 1, image.width, 2, -width / 2, -lower - gap, width, gap + 0.004);
  }
  ctx.drawImage(image, 0, 0, image.width, cut, -width / 2, -height - gap, width, upper + 0.002);
}

interface Tint {
  hueDeg: number;
  brightness: number;
  saturation: number;
}

function recolour(image: Canvas, { hueDeg, brightness, saturation }: Tint): Canvas {
  const canvas = createCanvas(image.width, image.height);
  const ctx = canvas.getContext('2d');
  ctx.filter = `hue-rotate(${hueDeg.toFixed(1)}deg) saturate(${saturation.toFixed(3)}) brightness(${brightness.toFixed(3)})`;
  ctx.drawImage(image, 0, 0);
  return canvas;
}
