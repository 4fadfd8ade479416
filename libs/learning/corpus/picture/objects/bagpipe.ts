/** Bagpipes: the bag swells and sinks with the strokes of the arm, drones stand up, fingers move on the chanter. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { taperedTube, tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import { type Pose, stroke } from '../pose.ts';
import { keyDown } from './fingering.ts';

function planBagpipe(random: SeededRandom) {
  return {
    bag: random.uniform(0.2, 0.25),
    drones: random.integer(2, 4),
    droneLength: random.uniform(0.42, 0.52),
    spread: random.uniform(0.1, 0.2),
    checks: random.integer(0, 5),
    tassels: random.next() < 0.5,
    chanter: random.uniform(0.36, 0.44),
    person: randomPerson(random, 0.5),
    hands: random.next() < 0.85,
  };
}
type BagpipePlan = ReturnType<typeof planBagpipe>;

export const makeBagpipe: ObjectMaker = (random, look) => {
  const plan = planBagpipe(random);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.12, -0.38, 0.12, -1);
    },
    draw(brush, pose) {
      const squeeze = 0.12 * stroke(pose) + 0.1 * pose.loudness;
      drawDrones(brush, plan, look, pose);
      drawBag(brush, plan, look, squeeze);
      drawChanter(brush, plan, look, pose);
      if (plan.hands) brush.limb(0.42, -0.02, 0.22, 0.1 - squeeze * 0.4, 0.12, plan.person.sleeve);
    },
  };
};

function drawDrones(brush: Brush, plan: BagpipePlan, look: Look, pose: Pose): void {
  for (let drone = 0; drone < plan.drones; drone++) {
    const lean = 0.1 + (drone - (plan.drones - 1) / 2) * plan.spread * 1.6;
    const tremble = 0.012 * pose.loudness * Math.sin(pose.timeSec * 70 + drone * 2) + 0.04 * pose.impact;
    const length = plan.droneLength * (drone === 0 ? 1.1 : 0.85);
    brush.at(0.12 + drone * 0.05, -0.02, lean + tremble, () => {
      brush.polygon(
        taperedTube([
          [0, 0, 0.022],
          [0, -length * 0.5, 0.026],
          [0, -length * 0.85, 0.032],
          [0, -length, 0.05],
        ]),
        look.dark,
      );
      for (const at of [0.3, 0.62, 0.9]) brush.rect(-0.036, -length * at, 0.072, 0.028, 0.008, look.light);
      if (plan.tassels) brush.limb(0.03, -length * 0.6, 0.08, -length * 0.4, 0.02, look.third);
    });
  }
  brush.curve(
    [
      [-0.2, -0.22],
      [-0.1, -0.16],
      [0.02, -0.02],
    ],
    0.035,
    look.dark,
  );
}

function drawBag(brush: Brush, plan: BagpipePlan, look: Look, squeeze: number): void {
  const deep = plan.bag * (1 + squeeze);
  const wide = 1 - 0.3 * squeeze;
  brush.blob(
    [
      [-0.14, 0.02],
      [0.02, -deep * 0.5],
      [0.26 * wide, -deep * 0.42],
      [0.44 * wide, 0.02],
      [0.34 * wide, deep * 1.1],
      [0.08, deep * 1.15],
      [-0.08, deep * 0.6],
    ],
    look.body,
  );
  for (let check = 0; check < plan.checks; check++) {
    const x = (-0.02 + check * 0.08) * wide;
    brush.hair(
      [
        [x, -deep * 0.3],
        [x + 0.04, deep * 0.3],
        [x + 0.02, deep * 0.85],
      ],
      0.016,
      look.second,
    );
  }
  brush.curve(
    [
      [-0.06, deep * 0.5],
      [0.1, deep * 0.75],
      [0.32 * wide, deep * 0.55],
    ],
    0.025,
    tone(look.second, -0.1),
  );
}

function drawChanter(brush: Brush, plan: BagpipePlan, look: Look, pose: Pose): void {
  const sway = 0.08 * Math.sin(pose.phase * 4) - 0.1 * pose.impact;
  brush.at(-0.12, 0.06, 0.25 + sway, () => {
    brush.polygon(
      taperedTube([
        [0, 0, 0.022],
        [0, plan.chanter * 0.8, 0.03],
        [0, plan.chanter, 0.055],
      ]),
      look.dark,
    );
    brush.rect(-0.035, 0.0, 0.07, 0.03, 0.008, look.light);
    for (let hole = 0; hole < 7; hole++)
      brush.ellipse(0, 0.06 + hole * 0.04, 0.012, 0.012, keyDown(pose, hole) > 0.5 ? look.third : look.light);
    if (!plan.hands) return;
    for (const [y, side, first] of [
      [0.11, -1, 0],
      [0.25, 1, 3],
    ] as const) {
      drawHand(brush, plan.person, side * 0.05, y, side < 0 ? 0 : Math.PI, 0.11, [side * 0.26, y + 0.16]);
      for (let finger = 0; finger < 3; finger++) {
        const lift = (1 - keyDown(pose, finger + first)) * 0.07;
        const at = y - 0.03 + finger * 0.042;
        brush.limb(side * 0.07, at, side * lift - side * 0.01, at, 0.03, plan.person.skin);
      }
    }
  });
}
