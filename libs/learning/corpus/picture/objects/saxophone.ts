/** Saxophones from the soprano to the baritone: keys and fingers move at the events, the instrument sways. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import { taperedTube, tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { keyDown, sway } from './fingering.ts';

function planSaxophone(random: SeededRandom, form: string) {
  return {
    form: chooseForm(random, form, ['soprano', 'alto', 'tenor'], ['baritone']),
    bellRadius: random.uniform(0.13, 0.17),
    bellX: random.uniform(0.24, 0.3),
    bow: random.uniform(0.36, 0.41),
    thickness: random.uniform(0.85, 1.2),
    angle: random.uniform(-0.25, 0.2),
    keys: random.integer(5, 8),
    person: randomPerson(random, 0.5),
    hands: random.next() < 0.75,
  };
}
type SaxophonePlan = ReturnType<typeof planSaxophone>;

export const makeSaxophone: ObjectMaker = (random, look, form) => {
  const plan = planSaxophone(random, form);
  const body = saxophoneBody(plan);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.42, -0.4, 0.12, 1);
    },
    draw(brush, pose) {
      brush.at(-0.2, -0.36, plan.angle + sway(pose), () =>
        brush.at(0.2, 0.36, 0, () => drawSaxophone(brush, plan, body, look, pose)),
      );
    },
  };
};

/** Sopranos are straight; the others turn up into their bell. */
function saxophoneBody(plan: SaxophonePlan): Point[] {
  const k = plan.thickness;
  if (plan.form === 'soprano')
    return taperedTube([
      [-0.12, -0.36, 0.03 * k],
      [-0.04, -0.1, 0.042 * k],
      [0.05, 0.2, 0.06 * k],
      [0.1, 0.36, 0.085 * k],
      [0.13, 0.46, 0.13],
    ]);
  return taperedTube([
    [-0.12, -0.36, 0.026 * k],
    [-0.1, -0.2, 0.036 * k],
    [-0.07, 0.05, 0.05 * k],
    [-0.03, 0.28, 0.066 * k],
    [0.07, plan.bow, 0.075 * k],
    [0.18, 0.26, 0.084 * k],
    [plan.bellX - 0.04, 0.08, 0.1 * k],
    [plan.bellX + 0.03, -0.06, plan.bellRadius],
  ]);
}

function drawSaxophone(brush: Brush, plan: SaxophonePlan, body: Point[], look: Look, pose: Pose): void {
  if (plan.form !== 'soprano')
    brush.ellipse(plan.bellX + 0.04, -0.07, plan.bellRadius, 0.05, tone(look.body, -0.25), 0.45);
  brush.polygon(body, look.body);
  brush.curve(neckOf(plan), 0.04, look.body);
  brush.limb(-0.29, -0.425, -0.37, -0.375, 0.045, look.dark);
  brush.hair(
    [
      [-0.05, -0.3],
      [0.02, 0.05],
      [0.04, 0.25],
    ],
    0.014,
    look.third,
  );
  for (let key = 0; key < plan.keys; key++) {
    const t = key / (plan.keys - 1);
    const down = keyDown(pose, key);
    const x = -0.1 + t * 0.07 + 0.02 - (1 - down) * 0.025;
    const radius = 0.026 + t * 0.016;
    brush.ellipse(
      x,
      -0.26 + t * 0.52,
      radius,
      radius * (1 - 0.25 * down),
      down > 0.5 ? tone(look.third, -0.12) : look.third,
    );
  }
  if (plan.form !== 'soprano') brush.ellipse(plan.bellX - 0.06, 0.12, 0.045, 0.045, look.second);
  if (plan.form === 'tenor') brush.ellipse(0.02, 0.3, 0.05, 0.05, look.second);
  if (!plan.hands) return;
  const twitch = keyDown(pose, 1) * 0.02;
  drawHand(brush, plan.person, -0.11 + twitch, -0.16, 0.15, 0.13, [-0.42, 0.0]);
  drawHand(brush, plan.person, -0.05 + keyDown(pose, 3) * 0.02, 0.12, 0.1, 0.13, [-0.38, 0.24]);
}

/** The neck with its crook: bent on tenors, a whole loop on baritones. */
function neckOf(plan: SaxophonePlan): Point[] {
  if (plan.form === 'baritone')
    return [
      [-0.12, -0.35],
      [-0.02, -0.5],
      [0.12, -0.42],
      [0.06, -0.28],
      [-0.1, -0.4],
      [-0.2, -0.48],
      [-0.3, -0.42],
    ];
  const rise = plan.form === 'tenor' ? 0.04 : plan.form === 'soprano' ? -0.06 : 0;
  return [
    [-0.12, -0.37],
    [-0.13, -0.47 - rise],
    [-0.24, -0.46 - rise],
    [-0.3, -0.42],
  ];
}
