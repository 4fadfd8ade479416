/**
 * Drawing in an object's own unit box: shapes with shading and outline in one call, so that every object of a
 * clip shares one finish (flat, shaded, glossy, outlined) whatever its kind.
 */
import type { SKRSContext2D } from '@napi-rs/canvas';

/** Hue in degrees, saturation and lightness 0..1. */
export interface Colour {
  hue: number;
  saturation: number;
  lightness: number;
}

export type Point = readonly [x: number, y: number];

/** How surfaces look: drawn once for each object. */
export interface Finish {
  /** In units of the object's box; 0 draws no outline. */
  outlineWidth: number;
  outline: Colour;
  /** 0 (flat) .. 1 (strong light and shade). */
  shading: number;
  /** Where the light comes from, -1 (left) .. 1 (right). */
  lightX: number;
}

/** A CSS colour. */
export function css(colour: Colour, alpha = 1): string {
  const lightness = Math.min(1, Math.max(0, colour.lightness));
  return `hsla(${colour.hue.toFixed(1)},${(colour.saturation * 100).toFixed(1)}%,${(lightness * 100).toFixed(1)}%,${alpha.toFixed(3)})`;
}

/** The same colour lighter (positive) or darker (negative). */
export function tone(colour: Colour, lighter: number): Colour {
  return { ...colour, lightness: Math.min(0.98, Math.max(0.03, colour.lightness + lighter)) };
}

/** A pen with a finish. Coordinates are in the current user space of its context, y downwards. */
export class Brush {
  readonly ctx: SKRSContext2D;
  readonly finish: Finish;

  constructor(ctx: SKRSContext2D, finish: Finish) {
    this.ctx = ctx;
    this.finish = finish;
    ctx.lineJoin = 'round';
    ctx.lineCap = 'round';
  }

  ellipse(x: number, y: number, radiusX: number, radiusY: number, colour: Colour, angle = 0): void {
    this.ctx.beginPath();
    this.ctx.ellipse(x, y, Math.abs(radiusX), Math.abs(radiusY), angle, 0, Math.PI * 2);
    this.#paint(x - radiusX, y - radiusY, 2 * radiusX, 2 * radiusY, colour);
  }

  rect(x: number, y: number, width: number, height: number, radius: number, colour: Colour): void {
    this.ctx.beginPath();
    this.ctx.roundRect(x, y, width, height, Math.max(0, Math.min(radius, width / 2, height / 2)));
    this.#paint(x, y, width, height, colour);
  }

  polygon(points: readonly Point[], colour: Colour): void {
    this.ctx.beginPath();
    points.forEach(([x, y], i) => {
      if (i === 0) this.ctx.moveTo(x, y);
      else this.ctx.lineTo(x, y);
    });
    this.ctx.closePath();
    this.#paintPoints(points, colour);
  }

  /** A closed smooth outline through the middles of the polygon's sides. */
  blob(points: readonly Point[], colour: Colour): void {
    const count = points.length;
    this.ctx.beginPath();
    for (let i = 0; i <= count; i++) {
      const [x, y] = points[i % count]!;
      const [nextX, nextY] = points[(i + 1) % count]!;
      if (i === 0) this.ctx.moveTo((x + nextX) / 2, (y + nextY) / 2);
      else this.ctx.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    }
    this.ctx.closePath();
    this.#paintPoints(points, colour);
  }

  /** A rounded bar from one point to another. */
  limb(x0: number, y0: number, x1: number, y1: number, width: number, colour: Colour): void {
    this.curve(
      [
        [x0, y0],
        [x1, y1],
      ],
      width,
      colour,
    );
  }

  /** An open smooth tube of constant width. */
  curve(points: readonly Point[], width: number, colour: Colour): void {
    const { ctx, finish } = this;
    this.#trace(points);
    if (finish.outlineWidth > 0 && width > finish.outlineWidth) {
      ctx.lineWidth = width + finish.outlineWidth * 1.4;
      ctx.strokeStyle = css(finish.outline);
      ctx.stroke();
    }
    ctx.lineWidth = width;
    ctx.strokeStyle = css(colour);
    ctx.stroke();
    if (finish.shading > 0.25 && width > 0.02) {
      ctx.lineWidth = width * 0.3;
      ctx.strokeStyle = css(tone(colour, 0.2 * finish.shading), 0.7);
      ctx.stroke();
    }
  }

  /** A plain line without outline or shade, for strings and details. */
  hair(points: readonly Point[], width: number, colour: Colour, alpha = 1): void {
    this.#trace(points);
    this.ctx.lineWidth = width;
    this.ctx.strokeStyle = css(colour, alpha);
    this.ctx.stroke();
  }

  /** Draws with the origin moved and turned (radians). */
  at(x: number, y: number, angle: number, draw: () => void, scaleX = 1, scaleY = scaleX): void {
    this.ctx.save();
    this.ctx.translate(x, y);
    this.ctx.rotate(angle);
    this.ctx.scale(scaleX, scaleY);
    draw();
    this.ctx.restore();
  }

  #trace(points: readonly Point[]): void {
    const { ctx } = this;
    ctx.beginPath();
    points.forEach(([x, y], i) => {
      const next = points[i + 1];
      if (i === 0) ctx.moveTo(x, y);
      else if (next) ctx.quadraticCurveTo(x, y, (x + next[0]) / 2, (y + next[1]) / 2);
      else ctx.lineTo(x, y);
    });
  }

  #paintPoints(points: readonly Point[], colour: Colour): void {
    let left = Infinity;
    let right = -Infinity;
    let top = Infinity;
    let bottom = -Infinity;
    for (const [x, y] of points) {
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
    this.#paint(left, top, right - left, bottom - top, colour);
  }

  #paint(x: number, y: number, width: number, height: number, colour: Colour): void {
    const { ctx, finish } = this;
    if (finish.shading > 0.08 && width * height > 0.003) {
      const middle = x + width / 2;
      const reach = (finish.lightX * width) / 2;
      const gradient = ctx.createLinearGradient(middle + reach, y, middle - reach, y + height);
      gradient.addColorStop(0, css(tone(colour, 0.24 * finish.shading)));
      gradient.addColorStop(0.4, css(colour));
      gradient.addColorStop(1, css(tone(colour, -0.26 * finish.shading)));
      ctx.fillStyle = gradient;
    } else ctx.fillStyle = css(colour);
    ctx.fill();
    if (finish.outlineWidth > 0) {
      ctx.lineWidth = finish.outlineWidth;
      ctx.strokeStyle = css(finish.outline);
      ctx.stroke();
    }
  }
}

/** The outline of a tapering tube around a centre line of `[x, y, radius]`, smoothed. */
export function taperedTube(centre: readonly (readonly [number, number, number])[]): Point[] {
  const dense: [number, number, number][] = [];
  for (let i = 0; i + 1 < centre.length; i++) {
    const [a, b, c, d] = [
      centre[Math.max(0, i - 1)]!,
      centre[i]!,
      centre[i + 1]!,
      centre[Math.min(centre.length - 1, i + 2)]!,
    ];
    for (let step = 0; step < 5; step++) {
      const t = step / 5;
      const mix = (k: 0 | 1 | 2) =>
        0.5 *
        (2 * b[k] +
          (c[k] - a[k]) * t +
          (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t * t +
          (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t * t * t);
      dense.push([mix(0), mix(1), mix(2)]);
    }
  }
  dense.push([...centre[centre.length - 1]!]);
  const left: Point[] = [];
  const right: Point[] = [];
  dense.forEach(([x, y, radius], i) => {
    const before = dense[Math.max(0, i - 1)]!;
    const after = dense[Math.min(dense.length - 1, i + 1)]!;
    const length = Math.hypot(after[0] - before[0], after[1] - before[1]) || 1;
    const normalX = -(after[1] - before[1]) / length;
    const normalY = (after[0] - before[0]) / length;
    left.push([x + normalX * radius, y + normalY * radius]);
    right.push([x - normalX * radius, y - normalY * radius]);
  });
  return [...left, ...right.reverse()];
}
