/** Hammers: claw, sledge and mallet, falling on a nail, a stake or an anvil at every event. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import { tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { reach } from '../pose.ts';

/** Which hammer falls on what. */
const HEADS = {
  nail: ['claw'],
  stake: ['mallet', 'sledge'],
  anvil: ['sledge', 'claw'],
  rock: ['pick'],
} as const;

function planHammer(random: SeededRandom, form: string) {
  const target = chooseForm(random, form, ['nail', 'anvil', 'stake'], ['rock']);
  return {
    form: random.pick(HEADS[target]),
    target,
    handle: random.uniform(0.48, 0.6),
    headLength: random.uniform(0.26, 0.34),
    headWidth: random.uniform(0.11, 0.15),
    raise: random.uniform(0.8, 1.15),
    hand: random.next() < 0.85,
    person: randomPerson(random, 0),
    sparks: random.integer(3, 8),
  };
}
type HammerPlan = ReturnType<typeof planHammer>;

export const makeHammer: ObjectMaker = (random, look, form) => {
  const plan = planHammer(random, form);
  return {
    draw(brush, pose) {
      const { lift } = reach(pose);
      const targetX = -0.24;
      const targetY =
        0.16 +
        (plan.target === 'anvil' || plan.target === 'rock'
          ? 0
          : 0.06 * Math.min(1, (pose.eventIndex + 1) / 12));
      drawTarget(brush, plan, look, targetX, targetY, pose);
      const half = plan.headLength / 2;
      const handX = targetX + plan.handle;
      const handY = targetY - half + 0.02;
      brush.at(handX, handY - lift * 0.12, lift * plan.raise, () => {
        brush.limb(0.08, 0, -plan.handle, 0, 0.05, look.second);
        brush.at(-plan.handle, 0, 0, () => drawHammerHead(brush, plan, look));
        if (plan.hand) drawHand(brush, plan.person, -0.02, 0.0, Math.PI - 0.4, 0.15, [0.2, 0.28]);
      });
      drawSparks(brush, plan, look, targetX, targetY, pose);
    },
  };
};

function drawHammerHead(brush: Brush, plan: HammerPlan, look: Look): void {
  const half = plan.headLength / 2;
  const width = plan.headWidth;
  if (plan.form === 'pick') {
    brush.polygon(
      [
        [-width * 0.25, half],
        [-width * 0.4, 0],
        [width * 0.05, -half * 1.5],
        [width * 0.4, 0],
        [width * 0.25, half],
      ],
      look.body,
    );
  } else if (plan.form === 'sledge') brush.rect(-width / 2, -half, width, half * 2, 0.015, look.body);
  else if (plan.form === 'mallet') {
    brush.rect(-width * 0.6, -half, width * 1.2, half * 2, 0.03, look.body);
    for (const y of [-half * 0.7, half * 0.55])
      brush.rect(-width * 0.62, y, width * 1.24, 0.03, 0.005, look.third);
  } else {
    brush.rect(-width * 0.35, -half * 0.5, width * 0.7, half * 1.2, 0.01, look.body);
    brush.rect(-width * 0.5, half * 0.6, width, half * 0.4, 0.012, tone(look.body, 0.08));
    for (const side of [-1, 1])
      brush.curve(
        [
          [side * width * 0.15, -half * 0.45],
          [side * width * 0.3, -half * 0.9],
          [side * width * 0.25 + width * 0.5, -half * 1.25],
        ],
        0.04,
        look.body,
      );
  }
}

function drawTarget(brush: Brush, plan: HammerPlan, look: Look, x: number, y: number, pose: Pose): void {
  const jolt = 0.015 * pose.impact * Math.sin(pose.sinceOnsetSec * 60);
  if (plan.target === 'anvil') {
    brush.polygon(
      [
        [x - 0.24, y],
        [x + 0.3, y],
        [x + 0.3, y + 0.07],
        [x + 0.14, y + 0.13],
        [x + 0.1, y + 0.22],
        [x + 0.2, y + 0.32],
        [x - 0.16, y + 0.32],
        [x - 0.06, y + 0.22],
        [x - 0.1, y + 0.12],
        [x - 0.2, y + 0.07],
      ].map(([px, py]): Point => [px!, py! + jolt]),
      look.third,
    );
    return;
  }
  if (plan.target === 'rock') {
    const rock = [
      [x - 0.22, y + 0.3],
      [x - 0.24, y + 0.12],
      [x - 0.1, y],
      [x + 0.09, y + 0.01],
      [x + 0.22, y + 0.1],
      [x + 0.3, y + 0.3],
    ].map(([px, py]): Point => [px!, py! + jolt]);
    brush.polygon(rock, look.third);
    brush.polygon([rock[2]!, rock[3]!, [x + 0.03, y + 0.14], [x - 0.06, y + 0.12]], tone(look.third, 0.12));
    return;
  }
  const width = plan.target === 'nail' ? 0.03 : 0.09;
  brush.rect(x - width / 2, y, width, 0.3, 0.005, tone(look.body, 0.1));
  brush.rect(x - width * 1.2, y + jolt, width * 2.4, 0.024, 0.008, tone(look.body, 0.05));
  brush.rect(-0.5, 0.34 + jolt * 0.5, 0.9, 0.15, 0.015, look.third);
  for (const lineY of [0.39, 0.44])
    brush.hair(
      [
        [-0.46, lineY],
        [-0.05, lineY + 0.012],
        [0.36, lineY - 0.005],
      ],
      0.007,
      tone(look.third, -0.15),
    );
}

function drawSparks(brush: Brush, plan: HammerPlan, look: Look, x: number, y: number, pose: Pose): void {
  if (pose.sinceOnsetSec > 0.16) return;
  const spread = 0.06 + pose.sinceOnsetSec * 1.1;
  for (let i = 0; i < plan.sparks; i++) {
    const angle =
      -Math.PI * (0.05 + (0.9 * (i + 0.5)) / plan.sparks) + 0.3 * Math.sin(i * 12.9 + pose.eventIndex);
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
    brush.hair(
      [
        [x + dx * spread, y + dy * spread * 0.6],
        [x + dx * (spread + 0.06), y + dy * (spread + 0.06) * 0.6],
      ],
      0.016,
      look.light,
    );
  }
}
