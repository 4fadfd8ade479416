/** Cars: the body shakes, the wheels turn and the exhaust puffs with loudness and pitch. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import { css, tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';

function planCar(random: SeededRandom, form: string) {
  return {
    form: chooseForm(random, form, ['saloon', 'hatchback', 'van', 'beetle', 'truck']),
    wheel: random.uniform(0.095, 0.13),
    spokes: random.integer(4, 8),
    base: random.uniform(0.24, 0.29),
    roof: random.uniform(-0.22, -0.14),
    stripe: random.next() < 0.4,
    driver: randomPerson(random, 0.6),
    puffs: random.integer(3, 6),
    glass: random.uniform(180, 230),
  };
}
type CarPlan = ReturnType<typeof planCar>;

export const makeCar: ObjectMaker = (random, look, form) => {
  const plan = planCar(random, form);
  return {
    draw(brush, pose) {
      const shake = 0.024 * pose.loudness * Math.sin(pose.spin * 75);
      const pitchUp = -0.05 * pose.impact - 0.03 * pose.loudness;
      drawExhaust(brush, plan, look, pose);
      brush.at(0, shake, pitchUp * 0.6, () => drawCarBody(brush, plan, look));
      for (const x of [-plan.base, plan.base]) drawWheel(brush, plan, look, x, pose.spin * 9);
    },
  };
};

function carOutline(plan: CarPlan): Point[] {
  const { roof } = plan;
  if (plan.form === 'van')
    return [
      [-0.48, 0.2],
      [-0.48, roof],
      [-0.44, roof - 0.04],
      [0.22, roof - 0.04],
      [0.36, 0.0],
      [0.48, 0.05],
      [0.49, 0.2],
    ];
  if (plan.form === 'truck')
    return [
      [-0.49, 0.2],
      [-0.49, 0.02],
      [0.02, 0.02],
      [0.06, roof],
      [0.28, roof],
      [0.36, 0.0],
      [0.48, 0.04],
      [0.49, 0.2],
    ];
  if (plan.form === 'hatchback')
    return [
      [-0.46, 0.2],
      [-0.46, 0.02],
      [-0.36, roof],
      [0.08, roof],
      [0.24, 0.0],
      [0.46, 0.04],
      [0.48, 0.2],
    ];
  return [
    [-0.49, 0.2],
    [-0.48, 0.04],
    [-0.32, 0.01],
    [-0.2, roof],
    [0.1, roof],
    [0.26, 0.01],
    [0.46, 0.05],
    [0.49, 0.2],
  ];
}

function drawCarBody(brush: Brush, plan: CarPlan, look: Look): void {
  const { roof } = plan;
  const glass = { hue: plan.glass, saturation: 0.3, lightness: 0.75 };
  if (plan.form === 'beetle') {
    brush.blob(
      [
        [-0.54, 0.24],
        [-0.5, 0.0],
        [-0.3, -0.04],
        [-0.16, roof - 0.08],
        [0.12, roof - 0.08],
        [0.26, -0.02],
        [0.5, 0.02],
        [0.54, 0.24],
      ],
      look.body,
    );
  } else brush.polygon(carOutline(plan), look.body);
  const from = plan.form === 'truck' ? 0.09 : plan.form === 'hatchback' ? -0.34 : -0.19;
  const to = plan.form === 'van' ? 0.22 : plan.form === 'truck' ? 0.26 : 0.1;
  const middle = plan.form === 'truck' ? from : (from + to) / 2;
  if (middle > from)
    brush.polygon(
      [
        [from - 0.05, 0.0],
        [from + 0.02, roof + 0.035],
        [middle - 0.015, roof + 0.035],
        [middle - 0.015, 0.0],
      ],
      glass,
    );
  brush.polygon(
    [
      [middle + 0.015, 0.0],
      [middle + 0.015, roof + 0.035],
      [to - 0.02, roof + 0.035],
      [to + 0.09, 0.0],
    ],
    glass,
  );
  if (plan.driver.seen) {
    brush.ellipse(middle + 0.08, -0.06, 0.045, 0.055, plan.driver.skin);
    brush.hair(
      [
        [middle + 0.16, 0],
        [middle + 0.13, -0.05],
      ],
      0.014,
      look.dark,
    );
  }
  if (plan.stripe) brush.rect(-0.46, 0.07, 0.92, 0.035, 0.005, look.second);
  brush.rect(-0.5, 0.17, 1, 0.05, 0.02, tone(look.body, -0.2));
  brush.hair(
    [
      [middle, 0.0],
      [middle, 0.16],
    ],
    0.008,
    tone(look.body, -0.25),
  );
  brush.rect(middle - 0.08, 0.035, 0.06, 0.018, 0.006, look.third);
  brush.ellipse(0.45, 0.1, 0.03, 0.04, look.light);
  brush.rect(-0.495, 0.07, 0.04, 0.06, 0.01, look.third);
}

function drawWheel(brush: Brush, plan: CarPlan, look: Look, x: number, angle: number): void {
  const { wheel } = plan;
  brush.ellipse(x, 0.24, wheel, wheel, look.dark);
  brush.ellipse(x, 0.24, wheel * 0.62, wheel * 0.62, look.light);
  for (let spoke = 0; spoke < plan.spokes; spoke++) {
    const a = angle + (spoke / plan.spokes) * Math.PI * 2;
    brush.hair(
      [
        [x, 0.24],
        [x + Math.cos(a) * wheel * 0.58, 0.24 + Math.sin(a) * wheel * 0.58],
      ],
      0.018,
      spoke === 0 ? look.third : look.dark,
    );
  }
  brush.ellipse(x, 0.24, wheel * 0.18, wheel * 0.18, look.second);
}

function drawExhaust(brush: Brush, plan: CarPlan, look: Look, pose: Pose): void {
  brush.limb(-0.52, 0.22, -0.44, 0.22, 0.03, look.dark);
  for (let i = 0; i < plan.puffs; i++) {
    const age = (pose.spin * 2.2 + i / plan.puffs) % 1;
    const alpha = Math.min(1, pose.loudness * 1.6) * (1 - age) * 0.7;
    if (alpha < 0.04) continue;
    brush.ctx.beginPath();
    brush.ctx.arc(-0.53 - age * 0.16, 0.21 - age * 0.16, 0.02 + age * 0.06, 0, Math.PI * 2);
    brush.ctx.fillStyle = css(look.light, alpha);
    brush.ctx.fill();
  }
}
