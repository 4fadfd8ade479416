/** Things that swing: bells with their clapper, clocks with hands and a pendulum that ticks at the events. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import { tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { passing, smooth, swing } from '../pose.ts';

function planBell(random: SeededRandom, form: string) {
  return {
    form: chooseForm(random, form, ['church', 'wall'], ['hand']),
    mouth: random.uniform(0.25, 0.33),
    shoulder: random.uniform(0.12, 0.18),
    height: random.uniform(0.42, 0.54),
    flare: random.uniform(0.1, 0.2),
    reach: random.uniform(0.28, 0.45),
    bands: random.integer(1, 4),
    clapper: random.uniform(0.045, 0.07),
    person: randomPerson(random, 0),
  };
}
type BellPlan = ReturnType<typeof planBell>;

export const makeBell: ObjectMaker = (random, look, form) => {
  const plan = planBell(random, form);
  return {
    draw(brush, pose) {
      const angle = swing(pose, 0.7) * plan.reach;
      const tremble = Math.sin(pose.sinceOnsetSec * 85) * 0.08 * pose.impact;
      drawBellSupport(brush, plan, look);
      const pivotY = plan.form === 'hand' ? -0.42 : -0.3;
      brush.at(tremble * 0.3, pivotY, angle + tremble, () => {
        if (plan.form === 'hand') {
          brush.limb(0, -0.02, 0, 0.2, 0.06, look.second);
          drawHand(brush, plan.person, 0.0, 0.03, Math.PI - 0.2, 0.15, [0.36, -0.02]);
        } else brush.rect(-0.05, -0.03, 0.1, 0.08, 0.02, look.second);
        const top = plan.form === 'hand' ? 0.2 : 0.04;
        const clapperAngle =
          -angle * 0.2 +
          Math.sign(angle || 1) * -0.32 * (1 - Math.min(1, Math.abs(angle) / plan.reach)) +
          0.25 * Math.sign(angle) * Math.min(1, Math.abs(angle) / plan.reach) ** 3;
        brush.at(0, top + 0.08, clapperAngle, () => {
          brush.limb(0, 0, 0, plan.height * 0.86, 0.025, look.dark);
          brush.ellipse(0, plan.height * 0.92, plan.clapper, plan.clapper, look.third);
        });
        drawBellBody(brush, plan, look, top, pose);
      });
    },
  };
};

function drawBellSupport(brush: Brush, plan: BellPlan, look: Look): void {
  if (plan.form === 'church') {
    brush.rect(-0.5, -0.45, 1, 0.09, 0.02, look.second);
    for (const x of [-0.49, 0.42]) brush.rect(x, -0.4, 0.07, 0.88, 0.015, tone(look.second, -0.06));
    brush.rect(-0.12, -0.37, 0.24, 0.07, 0.02, look.third);
  } else if (plan.form === 'wall') {
    brush.rect(-0.48, -0.48, 0.07, 0.5, 0.02, look.second);
    brush.curve(
      [
        [-0.44, -0.1],
        [-0.25, -0.16],
        [-0.2, -0.36],
        [0.04, -0.37],
      ],
      0.035,
      look.second,
    );
    brush.limb(-0.44, -0.37, 0.04, -0.37, 0.04, look.second);
  }
}

function drawBellBody(brush: Brush, plan: BellPlan, look: Look, top: number, pose: Pose): void {
  const { mouth, shoulder, height } = plan;
  const foot = top + height;
  const side = (sign: number): Point[] => [
    [sign * 0.03, top],
    [sign * shoulder * 0.95, top + 0.02],
    [sign * shoulder * 1.12, top + height * 0.28],
    [sign * shoulder * 1.2, top + height * 0.6],
    [sign * (mouth * 0.92), top + height * (1 - plan.flare)],
    [sign * mouth, foot],
  ];
  const profile = side(1);
  brush.ellipse(0, foot, mouth * 0.97, 0.035, look.dark);
  brush.blob(
    [
      [0, top],
      ...profile,
      [mouth * 1.02, foot + 0.01],
      [0, foot + 0.01],
      [-mouth * 1.02, foot + 0.01],
      ...side(-1).reverse(),
    ],
    tone(look.body, 0.12 * pose.impact),
  );
  for (let band = 0; band < plan.bands; band++) {
    const y = top + height * (0.3 + band * 0.14);
    const half = shoulder * (1.02 + band * 0.06);
    brush.hair(
      [
        [-half, y],
        [0, y + 0.025],
        [half, y],
      ],
      0.014,
      look.third,
    );
  }
  brush.curve(
    [
      [-mouth, foot - 0.02],
      [0, foot + 0.02],
      [mouth, foot - 0.02],
    ],
    0.035,
    tone(look.body, 0.1),
  );
}

function planClock(random: SeededRandom, form: string) {
  return {
    form: chooseForm(random, form, ['grandfather', 'wall', 'alarm', 'cuckoo']),
    face: random.uniform(0.19, 0.24),
    square: random.next() < 0.25,
    numerals: random.pick(['ticks', 'dots', 'quarters'] as const),
    hour: random.uniform(0, 12),
    handWidth: random.uniform(0.016, 0.028),
    bob: random.uniform(0.05, 0.08),
    reach: random.uniform(0.35, 0.6),
  };
}
type ClockPlan = ReturnType<typeof planClock>;

export const makeClock: ObjectMaker = (random, look, form) => {
  const plan = planClock(random, form);
  return {
    draw(brush, pose) {
      const angle = passing(pose, 0.5) * plan.reach;
      if (plan.form === 'alarm') {
        brush.at(0, 0.3, 0.07 * pose.impact * Math.sin(pose.sinceOnsetSec * 60), () =>
          brush.at(0, -0.3, 0, () => drawAlarmClock(brush, plan, look, pose)),
        );
        return;
      }
      const tall = plan.form === 'grandfather';
      const faceY = (tall ? -0.26 : -0.16) - 0.02 * pose.impact;
      if (tall) drawTallCase(brush, look);
      else if (plan.form === 'cuckoo') drawCuckooCase(brush, look);
      else brush.rect(-0.27, -0.44, 0.54, 0.56, 0.06, look.body);
      brush.at(0, tall ? -0.06 : 0.08, angle * (tall ? 0.55 : 1), () => {
        const length = tall ? 0.36 : 0.3;
        brush.limb(0, 0, 0, length, 0.018, look.third);
        brush.ellipse(0, length, plan.bob, plan.bob, look.third);
      });
      drawFace(brush, plan, look, faceY, tall ? plan.face * 0.74 : plan.face * 0.95, pose);
    },
  };
};

function drawTallCase(brush: Brush, look: Look): void {
  brush.polygon(
    [
      [-0.24, -0.42],
      [0, -0.5],
      [0.24, -0.42],
    ],
    look.second,
  );
  brush.rect(-0.22, -0.44, 0.44, 0.36, 0.02, look.body);
  brush.rect(-0.18, -0.1, 0.36, 0.5, 0.01, look.body);
  brush.rect(-0.14, -0.07, 0.28, 0.44, 0.02, look.dark);
  brush.rect(-0.24, 0.38, 0.48, 0.12, 0.02, look.second);
}

function drawCuckooCase(brush: Brush, look: Look): void {
  brush.rect(-0.27, -0.3, 0.54, 0.4, 0.01, look.body);
  brush.polygon(
    [
      [-0.36, -0.24],
      [0, -0.5],
      [0.36, -0.24],
      [0.32, -0.2],
      [0, -0.42],
      [-0.32, -0.2],
    ],
    look.second,
  );
  for (const x of [-0.14, 0.14]) {
    brush.hair(
      [
        [x, 0.1],
        [x, 0.3],
      ],
      0.008,
      look.dark,
    );
    brush.ellipse(x, 0.34, 0.03, 0.06, look.second);
  }
}

function drawAlarmClock(brush: Brush, plan: ClockPlan, look: Look, pose: Pose): void {
  for (const side of [-1, 1]) {
    brush.limb(side * 0.2, 0.3, side * 0.28, 0.46, 0.05, look.second);
    brush.ellipse(side * 0.2, -0.3, 0.13, 0.1, look.third, side * 0.6);
  }
  brush.limb(0, -0.4, 0, -0.28, 0.03, look.second);
  brush.ellipse(0.07 * passing(pose, 0.5), -0.41, 0.04, 0.035, look.second);
  brush.ellipse(0, 0.06, 0.36, 0.36, look.body);
  drawFace(brush, plan, look, 0.06, 0.29, pose);
}

function drawFace(brush: Brush, plan: ClockPlan, look: Look, y: number, radius: number, pose: Pose): void {
  if (plan.square) brush.rect(-radius, y - radius, radius * 2, radius * 2, 0.03, look.light);
  else {
    brush.ellipse(0, y, radius * 1.08, radius * 1.08, look.second);
    brush.ellipse(0, y, radius * 0.98, radius * 0.98, look.light);
  }
  for (let hour = 0; hour < 12; hour++) {
    if (plan.numerals === 'quarters' && hour % 3 !== 0) continue;
    const a = (hour / 12) * Math.PI * 2;
    const [sin, cos] = [Math.sin(a) * radius, -Math.cos(a) * radius];
    if (plan.numerals === 'dots') brush.ellipse(sin * 0.82, y + cos * 0.82, 0.014, 0.014, look.dark);
    else
      brush.hair(
        [
          [sin * 0.74, y + cos * 0.74],
          [sin * 0.9, y + cos * 0.9],
        ],
        0.016,
        look.dark,
      );
  }
  const turn = (angle: number, length: number, width: number, colour = look.dark) =>
    brush.hair(
      [
        [-Math.sin(angle) * length * 0.15, y + Math.cos(angle) * length * 0.15],
        [Math.sin(angle) * length, y - Math.cos(angle) * length],
      ],
      width,
      colour,
    );
  turn((plan.hour / 12) * Math.PI * 2, radius * 0.5, plan.handWidth * 1.3);
  turn(plan.hour * Math.PI * 2, radius * 0.75, plan.handWidth);
  // The second hand leaps ahead at each tick, further than a real one so that a small picture shows it.
  const ticks = pose.eventIndex + smooth(pose.sinceOnsetSec / 0.07);
  turn(plan.hour * 17 + ticks * (Math.PI / 10), radius * 0.86, plan.handWidth * 1.1, {
    hue: look.third.hue,
    saturation: 0.9,
    lightness: 0.4,
  });
  brush.ellipse(0, y, 0.018, 0.018, look.dark);
}
