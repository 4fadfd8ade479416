/** Sirens: turning domes, light bars and horns that light up with each cycle. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { css, tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import type { Pose } from '../pose.ts';

function planSiren(random: SeededRandom, form: string) {
  return {
    form: chooseForm(random, form, ['dome', 'horn'], ['bar']),
    width: random.uniform(0.2, 0.26),
    height: random.uniform(0.36, 0.48),
    base: random.uniform(0.1, 0.18),
    stripes: random.integer(0, 4),
    beams: random.integer(1, 3),
    lamp: { hue: random.uniform(0, 360), saturation: 0.9, lightness: 0.55 },
    other: { hue: random.uniform(0, 360), saturation: 0.9, lightness: 0.55 },
  };
}
type SirenPlan = ReturnType<typeof planSiren>;

export const makeSiren: ObjectMaker = (random, look, form) => {
  const plan = planSiren(random, form);
  return {
    draw(brush, pose) {
      if (plan.form === 'bar') drawLightBar(brush, plan, look, pose);
      else if (plan.form === 'horn') drawHorn(brush, plan, look, pose);
      else drawDome(brush, plan, look, pose, 0, 0.4, 1);
    },
  };
};

/** A lamp's brightness, 0 dark .. 1: it follows the loudness, and the pitch within a cycle. */
function glow(pose: Pose): number {
  const pitch = Math.min(1, Math.max(0, (pose.pitchMidi - 50) / 40));
  return Math.min(1, pose.loudness * (0.6 + 0.5 * pitch) + 0.5 * pose.impact);
}

function drawDome(
  brush: Brush,
  plan: SirenPlan,
  look: Look,
  pose: Pose,
  x: number,
  foot: number,
  size: number,
): void {
  const { ctx } = brush;
  const bright = glow(pose);
  const width = plan.width * size;
  const height = plan.height * size;
  const top = foot - plan.base * size;
  const angle = pose.spin * 14;
  for (let beam = 0; beam < plan.beams * 2 && bright > 0.03; beam++) {
    const side = Math.cos(angle + (beam * Math.PI) / plan.beams);
    ctx.beginPath();
    ctx.moveTo(x, top - height * 0.5);
    ctx.lineTo(x + side * 0.52 * size, top - height * 0.5 - 0.14 * size);
    ctx.lineTo(x + side * 0.52 * size, top - height * 0.5 + 0.14 * size);
    ctx.fillStyle = css(tone(plan.lamp, 0.2), 0.5 * bright);
    ctx.fill();
  }
  const lamp = { ...plan.lamp, lightness: 0.28 + 0.45 * bright, saturation: 0.5 + 0.45 * bright };
  brush.blob(
    [
      [x - width, top + 0.02],
      [x - width, top - height * 0.7],
      [x - width * 0.6, top - height * 1.05],
      [x + width * 0.6, top - height * 1.05],
      [x + width, top - height * 0.7],
      [x + width, top + 0.02],
    ],
    lamp,
  );
  brush.rect(
    x + Math.cos(angle) * width * 0.4 - 0.05 * size,
    top - height * 0.7,
    0.1 * size,
    height * 0.55,
    0.03,
    tone(plan.lamp, 0.1 + 0.3 * bright),
  );
  brush.hair(
    [
      [x - width * 0.6, top - height * 0.2],
      [x - width * 0.62, top - height * 0.6],
    ],
    0.025 * size,
    { ...plan.lamp, lightness: 0.92 },
    0.6,
  );
  brush.rect(x - width * 1.2, top, width * 2.4, plan.base * size, 0.02, look.body);
  for (let stripe = 0; stripe < plan.stripes; stripe++)
    brush.rect(
      x - width * 1.1 + stripe * width * 0.6,
      top + plan.base * size * 0.3,
      width * 0.3,
      plan.base * size * 0.4,
      0.005,
      look.second,
    );
}

function drawLightBar(brush: Brush, plan: SirenPlan, look: Look, pose: Pose): void {
  const bright = glow(pose);
  const turn = Math.sin(pose.spin * 14);
  brush.rect(-0.5, 0.08, 1, 0.12, 0.03, look.body);
  for (const x of [-0.32, 0.24]) brush.rect(x, 0.2, 0.08, 0.1, 0.01, look.dark);
  for (const side of [-1, 1]) {
    const lit = bright * Math.max(0, side * turn);
    const lamp = { ...(side < 0 ? plan.lamp : plan.other), lightness: 0.26 + 0.5 * lit };
    if (lit > 0.05) {
      brush.ctx.beginPath();
      brush.ctx.arc(side * 0.29, -0.03, 0.2 + 0.12 * lit, 0, Math.PI * 2);
      brush.ctx.fillStyle = css(tone(lamp, 0.2), 0.4 * lit);
      brush.ctx.fill();
    }
    brush.blob(
      [
        [side * 0.12, 0.1],
        [side * 0.12, -0.12],
        [side * 0.3, -0.14],
        [side * 0.5, -0.1],
        [side * 0.5, 0.1],
      ],
      lamp,
    );
    brush.hair(
      [
        [side * 0.2, -0.06],
        [side * 0.38, -0.07],
      ],
      0.02,
      { ...lamp, lightness: 0.92 },
      0.6,
    );
  }
  brush.rect(-0.11, -0.08, 0.22, 0.18, 0.03, look.second);
  for (let i = 0; i < 4; i++)
    brush.hair(
      [
        [-0.07, -0.04 + i * 0.035],
        [0.07, -0.04 + i * 0.035],
      ],
      0.01,
      look.dark,
    );
}

function drawHorn(brush: Brush, plan: SirenPlan, look: Look, pose: Pose): void {
  const tremble = 0.03 * pose.loudness * Math.sin(pose.spin * 120);
  brush.rect(-0.05, 0.08, 0.1, 0.4, 0.01, look.dark);
  for (const side of [-1, 1]) {
    brush.at(0, 0.06, tremble * side, () => {
      brush.polygon(
        [
          [side * 0.04, -0.06],
          [side * 0.2, -0.09],
          [side * 0.44, -0.22],
          [side * 0.44, 0.22],
          [side * 0.2, 0.09],
          [side * 0.04, 0.06],
        ],
        look.body,
      );
      brush.ellipse(side * 0.44, 0, 0.05 + 0.015 * pose.loudness, 0.22, tone(look.body, -0.22));
    });
  }
  brush.rect(-0.09, -0.06, 0.18, 0.22, 0.03, look.second);
  drawDome(brush, { ...plan, stripes: 0 }, look, pose, 0, -0.06, 0.6);
}
