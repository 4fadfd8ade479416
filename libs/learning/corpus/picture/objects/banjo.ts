/** Banjos: a drum head and a long neck; fingers pick, the head trembles, the strings sway. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { css, tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import { type Pose, reach } from '../pose.ts';
import { drawStrings } from './strings.ts';

function planBanjo(random: SeededRandom) {
  return {
    radius: random.uniform(0.22, 0.26),
    rim: random.uniform(0.025, 0.05),
    brackets: random.integer(12, 24),
    neck: random.uniform(0.5, 0.6),
    angle: -random.uniform(0.3, 0.9),
    strings: random.integer(4, 6),
    hands: random.next() < 0.85,
    person: randomPerson(random, 0.45),
  };
}
type BanjoPlan = ReturnType<typeof planBanjo>;

export const makeBanjo: ObjectMaker = (random, look) => {
  const plan = planBanjo(random);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.05, -0.42, 0.1, 1);
    },
    draw(brush, pose) {
      const kick = Math.sin(pose.sinceOnsetSec * 32) * 0.07 * pose.impact;
      brush.at(-0.08, 0.1, plan.angle + kick, () => {
        drawPot(brush, plan, look, pose);
        drawNeck(brush, plan, look);
        drawStrings(brush, look, pose, { count: plan.strings, from: -0.33, to: plan.neck, spread: 0.05 });
        if (plan.hands) drawHands(brush, plan, pose);
      });
    },
  };
};

/** The round body with its head in a rim of brackets. */
function drawPot(brush: Brush, plan: BanjoPlan, look: Look, pose: Pose): void {
  const { radius, rim } = plan;
  const x = -0.19;
  brush.ellipse(x, 0, radius + rim, radius + rim, look.body);
  for (let i = 0; i < plan.brackets; i++) {
    const angle = (i / plan.brackets) * Math.PI * 2;
    brush.ellipse(
      x + Math.cos(angle) * (radius + rim * 0.6),
      Math.sin(angle) * (radius + rim * 0.6),
      0.014,
      0.014,
      look.third,
    );
  }
  brush.ellipse(x, 0, radius, radius, look.light);
  if (pose.impact > 0.04) {
    brush.ctx.beginPath();
    brush.ctx.arc(x, 0, radius * (0.95 - 0.7 * pose.impact), 0, Math.PI * 2);
    brush.ctx.lineWidth = 0.014;
    brush.ctx.strokeStyle = css(tone(look.light, -0.3), pose.impact);
    brush.ctx.stroke();
  }
  brush.rect(-0.29, -0.06, 0.025, 0.12, 0.005, look.second);
  brush.polygon(
    [
      [-0.44, -0.05],
      [-0.36, -0.035],
      [-0.36, 0.035],
      [-0.44, 0.05],
    ],
    look.third,
  );
}

function drawNeck(brush: Brush, plan: BanjoPlan, look: Look): void {
  const { neck } = plan;
  brush.rect(0.03, -0.03, neck - 0.03, 0.06, 0.006, look.second);
  for (let fret = 0; fret < 10; fret++) {
    const x = 0.07 + (neck - 0.1) * (1 - 0.9 ** fret) * 1.5;
    if (x < neck - 0.02)
      brush.hair(
        [
          [x, -0.028],
          [x, 0.028],
        ],
        0.006,
        look.light,
      );
  }
  // The short fifth string has its peg half way up.
  brush.limb(0.3, -0.03, 0.3, -0.07, 0.02, look.light);
  brush.blob(
    [
      [neck, -0.03],
      [neck + 0.03, -0.06],
      [neck + 0.13, -0.045],
      [neck + 0.17, 0],
      [neck + 0.13, 0.045],
      [neck + 0.03, 0.06],
      [neck, 0.03],
    ],
    look.body,
  );
  for (let i = 0; i < 2; i++)
    for (const side of [-1, 1]) brush.ellipse(neck + 0.05 + i * 0.05, side * 0.07, 0.017, 0.017, look.light);
}

function drawHands(brush: Brush, plan: BanjoPlan, pose: Pose): void {
  const pick = reach(pose);
  const snap = pick.sinceSec < 0.14 ? 0.1 * (1 - pick.sinceSec / 0.14) : 0;
  drawHand(
    brush,
    plan.person,
    -0.17,
    0.03 + snap + 0.08 * pick.lift,
    -Math.PI / 2 + 0.3,
    0.11,
    [-0.34, 0.36],
  );
  const place = Math.min(1, Math.max(0, (pick.pitchMidi - 48) / 38));
  drawHand(brush, plan.person, plan.neck - 0.04 - place * 0.3, 0.01, -Math.PI / 2 - 0.3, 0.1, [
    plan.neck - 0.1,
    0.34,
  ]);
}
