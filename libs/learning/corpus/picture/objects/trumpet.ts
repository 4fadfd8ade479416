/** Trumpets, open or muted: the valves move at the events, the instrument sways. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { taperedTube, tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { keyDown, sway } from './fingering.ts';

function planTrumpet(random: SeededRandom, form: string) {
  return {
    form: chooseForm(random, form, ['open', 'muted']),
    bell: random.uniform(0.13, 0.18),
    loopHeight: random.uniform(0.11, 0.16),
    tube: random.uniform(0.03, 0.042),
    valves: random.next() < 0.9 ? 3 : 4,
    valveHeight: random.uniform(0.2, 0.26),
    angle: random.uniform(-0.25, 0.15),
    person: randomPerson(random, 0.55),
    hands: random.next() < 0.8,
  };
}
type TrumpetPlan = ReturnType<typeof planTrumpet>;

export const makeTrumpet: ObjectMaker = (random, look, form) => {
  const plan = planTrumpet(random, form);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.54, -0.1, 0.14, 1);
    },
    draw(brush, pose) {
      brush.at(-0.4, 0, plan.angle + sway(pose), () =>
        brush.at(0.4, 0, 0, () => drawTrumpet(brush, plan, look, pose)),
      );
    },
  };
};

function drawTrumpet(brush: Brush, plan: TrumpetPlan, look: Look, pose: Pose): void {
  const { tube, loopHeight } = plan;
  if (plan.hands) drawHand(brush, plan.person, 0.0, loopHeight * 0.8, -Math.PI / 2 + 0.3, 0.13, [-0.2, 0.42]);
  brush.curve(
    [
      [-0.3, loopHeight],
      [-0.3, loopHeight],
      [0.16, loopHeight],
      [0.27, loopHeight],
      [0.27, 0],
      [0.16, 0],
      [-0.42, 0],
    ],
    tube,
    tone(look.body, -0.06),
  );
  brush.curve(
    [
      [0.2, -0.035],
      [-0.2, -0.035],
      [-0.34, -0.035],
      [-0.34, loopHeight],
      [-0.2, loopHeight],
      [0, loopHeight],
    ],
    tube,
    look.body,
  );
  brush.polygon(
    taperedTube([
      [0, -0.035, tube * 0.5],
      [0.2, -0.035, tube * 0.6],
      [0.34, -0.035, tube * 1.1],
      [0.42, -0.035, plan.bell * 0.5],
      [0.47, -0.035, plan.bell],
    ]),
    look.body,
  );
  brush.ellipse(0.475, -0.035, 0.03, plan.bell, tone(look.body, -0.2));
  if (plan.form === 'muted') {
    brush.polygon(
      [
        [0.46, -0.1],
        [0.54, -0.16],
        [0.54, 0.09],
        [0.46, 0.03],
      ],
      look.dark,
    );
    brush.ellipse(0.54, -0.035, 0.022, 0.125, look.light);
  }
  brush.polygon(
    [
      [-0.5, -0.035],
      [-0.5, 0.035],
      [-0.46, 0.03],
      [-0.4, 0.015],
      [-0.4, -0.015],
      [-0.46, -0.03],
    ],
    look.third,
  );
  for (let valve = 0; valve < plan.valves; valve++) {
    const x = -0.1 + valve * 0.075;
    const down = keyDown(pose, valve) * 0.055;
    brush.limb(x, -0.13 + down, x, -0.02, 0.016, look.light);
    brush.rect(x - 0.03, -0.15 + down, 0.06, 0.025, 0.01, look.third);
    brush.rect(x - 0.031, -0.09, 0.062, plan.valveHeight, 0.015, look.second);
    if (plan.hands) {
      brush.curve(
        [
          [x + 0.06, -0.26],
          [x + 0.02, -0.24 + down * 0.5],
          [x, -0.16 + down],
        ],
        0.035,
        plan.person.skin,
      );
    }
  }
  if (plan.hands) {
    brush.ellipse(0.06, -0.27, 0.11, 0.06, plan.person.skin);
    brush.limb(0.12, -0.28, 0.26, -0.34, 0.09, plan.person.sleeve);
  }
}
