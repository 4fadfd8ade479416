/** Clarinets: held down in front of the player; keys and fingers move at the events, the instrument sways. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { taperedTube, tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { keyDown, sway } from './fingering.ts';

function planClarinet(random: SeededRandom) {
  return {
    thickness: random.uniform(0.036, 0.046),
    bell: random.uniform(0.1, 0.13),
    angle: random.uniform(-0.45, -0.1),
    rings: random.integer(5, 8),
    joints: random.integer(2, 4),
    person: randomPerson(random, 0.6),
    hands: random.next() < 0.85,
  };
}
type ClarinetPlan = ReturnType<typeof planClarinet>;

export const makeClarinet: ObjectMaker = (random, look) => {
  const plan = planClarinet(random);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.03, -0.42, 0.11, 0);
    },
    draw(brush, pose) {
      const lift = -0.16 * pose.loudness;
      brush.at(0, -0.36, plan.angle + sway(pose) * 1.4 + lift, () => drawClarinet(brush, plan, look, pose));
    },
  };
};

/** The mouthpiece is at the origin, the bell below it. */
function drawClarinet(brush: Brush, plan: ClarinetPlan, look: Look, pose: Pose): void {
  const { thickness, bell } = plan;
  if (plan.hands) {
    for (const [y, side] of [
      [0.24, -1],
      [0.48, 1],
    ] as const)
      brush.limb(side * 0.3, y + 0.14, side * 0.06, y, 0.1, plan.person.sleeve);
  }
  brush.polygon(
    taperedTube([
      [0, 0.1, thickness * 0.9],
      [0, 0.3, thickness],
      [0, 0.62, thickness],
      [0, 0.74, thickness * 1.4],
      [0, 0.82, bell],
    ]),
    look.body,
  );
  brush.ellipse(0, 0.825, bell, 0.03, tone(look.body, -0.2));
  brush.polygon(
    [
      [-0.012, -0.04],
      [0.014, -0.04],
      [thickness * 0.9, 0.1],
      [-thickness * 0.9, 0.1],
    ],
    look.dark,
  );
  brush.rect(-thickness * 1.15, 0.08, thickness * 2.3, 0.03, 0.008, look.third);
  for (let joint = 0; joint < plan.joints; joint++)
    brush.rect(-thickness * 1.2, 0.2 + joint * 0.22, thickness * 2.4, 0.025, 0.006, look.third);
  for (let ring = 0; ring < plan.rings; ring++) {
    const down = keyDown(pose, ring % 7);
    brush.ellipse((1 - down) * 0.012, 0.2 + ring * 0.068, 0.027, 0.027 * (1 - 0.3 * down), look.third);
  }
  for (let lever = 0; lever < 4; lever++) {
    const open = (1 - keyDown(pose, lever + 2)) * 0.03;
    brush.limb(thickness, 0.3 + lever * 0.1, thickness + 0.05 + open, 0.27 + lever * 0.1, 0.018, look.second);
  }
  if (!plan.hands) return;
  for (const [y, side, first] of [
    [0.24, -1, 0],
    [0.48, 1, 3],
  ] as const) {
    drawHand(brush, plan.person, side * 0.05, y, side < 0 ? 0 : Math.PI, 0.12);
    for (let finger = 0; finger < 3; finger++) {
      const lift = (1 - keyDown(pose, finger + first)) * 0.075;
      const at = y - 0.03 + finger * 0.05;
      brush.limb(side * 0.08, at, -side * 0.01 + side * lift, at - 0.02, 0.036, plan.person.skin);
    }
  }
}
