/** Strings that tremble, as plucked instruments share them. */
import type { Brush, Point } from '../brush.ts';
import type { Look } from '../look.ts';
import type { Pose } from '../pose.ts';

/** A string from a to b, bent sideways by its vibration. */
function drawString(brush: Brush, from: Point, to: Point, sway: number, width: number, look: Look): void {
  const normalX = -(to[1] - from[1]);
  const normalY = to[0] - from[0];
  const length = Math.hypot(normalX, normalY) || 1;
  const middle: Point = [
    (from[0] + to[0]) / 2 + (normalX / length) * sway,
    (from[1] + to[1]) / 2 + (normalY / length) * sway,
  ];
  brush.ctx.beginPath();
  brush.ctx.moveTo(from[0], from[1]);
  brush.ctx.quadraticCurveTo(middle[0], middle[1], to[0], to[1]);
  brush.ctx.lineWidth = width;
  brush.ctx.strokeStyle = `hsl(${look.light.hue.toFixed(0)},20%,${look.body.lightness > 0.55 ? 12 : 92}%)`;
  brush.ctx.stroke();
}

/** Strings side by side between two ends, all trembling with the loudness. */
export function drawStrings(
  brush: Brush,
  look: Look,
  pose: Pose,
  strings: { count: number; from: number; to: number; spread: number },
): void {
  for (let i = 0; i < strings.count; i++) {
    const y = (i / (strings.count - 1) - 0.5) * strings.spread;
    const sway =
      Math.sin(pose.timeSec * (90 + i * 13)) * 0.022 * Math.min(1, pose.loudness * 1.5) * (pose.impact + 0.4);
    drawString(brush, [strings.from, y], [strings.to, y * 0.7], sway, 0.006, look);
  }
}
