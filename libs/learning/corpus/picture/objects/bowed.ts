/** Bowed strings: violins held across, cellos standing. The bow moves as the sound does and turns at each event. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import { tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import type { Person } from '../player.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { reach, smooth, stroke } from '../pose.ts';

/** Proportions along the instrument: scroll at -0.5, foot of the body at +0.5. */
function planBody(random: SeededRandom, width: number) {
  return {
    top: random.uniform(-0.1, -0.06),
    upper: width * random.uniform(0.72, 0.85),
    waist: width * random.uniform(0.48, 0.6),
    lower: width,
    strings: random.next() < 0.9 ? 4 : 5,
    holes: random.uniform(0.9, 1.2),
    tail: random.uniform(0.03, 0.05),
  };
}
type BodyPlan = ReturnType<typeof planBody>;

function drawBody(brush: Brush, plan: BodyPlan, look: Look, pose: Pose): void {
  const { top, upper, waist, lower } = plan;
  const right: Point[] = [
    [0.05, top - 0.01],
    [upper, top + 0.01],
    [upper * 1.08, top + 0.15],
    [waist * 0.9, top + 0.2],
    [waist * 0.85, top + 0.32],
    [lower * 1.1, top + 0.36],
    [lower * 1.1, 0.47],
    [0.06, 0.5],
  ];
  brush.blob([...right, ...right.map(([x, y]): Point => [-x, y]).reverse()], look.body);
  for (const side of [-1, 1]) {
    const x = side * (waist * 0.62);
    const middle = top + 0.27;
    brush.hair(
      [
        [x - side * 0.025, middle - 0.08 * plan.holes],
        [x - side * 0.03, middle - 0.04],
        [x + side * 0.01, middle + 0.04],
        [x + side * 0.03, middle + 0.08 * plan.holes],
      ],
      0.014,
      look.dark,
    );
  }
  brush.polygon(
    [
      [-0.022, -0.36],
      [0.022, -0.36],
      [0.036, top + 0.2],
      [-0.036, top + 0.2],
    ],
    look.dark,
  );
  brush.polygon(
    [
      [-0.02, 0.34],
      [0.02, 0.34],
      [plan.tail, 0.46],
      [-plan.tail, 0.46],
    ].map(([x, y]): Point => [x!, 0.8 - y!]),
    look.dark,
  );
  brush.rect(-0.06, top + 0.3, 0.12, 0.018, 0.005, look.light);
  drawScroll(brush, look);
  for (let i = 0; i < plan.strings; i++) {
    const x = (i / (plan.strings - 1) - 0.5) * 0.042;
    const sway = Math.sin(pose.timeSec * (110 + 17 * i)) * 0.012 * pose.loudness;
    brush.hair(
      [
        [x * 0.6, -0.36],
        [x + sway, 0],
        [x, top + 0.3],
        [x * 0.8, 0.4],
      ],
      0.005,
      look.light,
    );
  }
}

function drawScroll(brush: Brush, look: Look): void {
  brush.rect(-0.028, -0.46, 0.056, 0.12, 0.01, tone(look.body, -0.05));
  brush.ellipse(0, -0.47, 0.042, 0.034, tone(look.body, -0.1));
  for (let i = 0; i < 2; i++) {
    brush.limb(-0.075, -0.42 + i * 0.04, -0.03, -0.42 + i * 0.04, 0.018, look.second);
    brush.limb(0.03, -0.4 + i * 0.04, 0.075, -0.4 + i * 0.04, 0.018, look.second);
  }
}

/** The bow lies across the strings at the given height; its stroke goes along its own length. */
function drawBow(
  brush: Brush,
  look: Look,
  person: Person,
  y: number,
  tilt: number,
  length: number,
  pose: Pose,
): void {
  const bow = stroke(pose);
  const nearest = Math.min(pose.sinceOnsetSec < 90 && pose.loudness > 0.03 ? 0 : 1, pose.untilOnsetSec / 0.4);
  const lifted = smooth(nearest) * 0.07;
  brush.at(0, y - lifted, tilt + 0.05 * Math.sin(pose.phase * 5) - lifted, () => {
    const shift = bow * length * 0.38;
    brush.hair(
      [
        [shift - length / 2, 0.012],
        [shift + length / 2, 0.012],
      ],
      0.012,
      look.light,
    );
    brush.curve(
      [
        [shift - length / 2, -0.005],
        [shift - length * 0.2, -0.035],
        [shift + length * 0.3, -0.025],
        [shift + length / 2, -0.022],
      ],
      0.018,
      look.third,
    );
    brush.rect(shift + length * 0.44, -0.03, 0.05, 0.05, 0.01, look.dark);
    drawHand(brush, person, shift + length * 0.47, -0.02, Math.PI - 0.5, 0.1, [
      shift + length * 0.47 + 0.22,
      0.18,
    ]);
  });
}

export const makeViolin: ObjectMaker = (random, look) => {
  const body = planBody(random, random.uniform(0.16, 0.19));
  const person = randomPerson(random, 0.6);
  const angle = random.uniform(0.75, 1.45);
  const bowY = body.top + random.uniform(0.18, 0.25);
  const bowLength = random.uniform(0.75, 0.9);
  const chinRest = random.next() < 0.8;
  return {
    drawPlayer(brush) {
      if (person.seen) drawFigure(brush, person, -0.34, -0.22, 0.13, 1);
    },
    draw(brush, pose) {
      const sway = 0.06 * Math.sin(pose.phase * 3) + 0.02 * pose.impact;
      brush.at(0, 0, angle + sway, () => {
        brush.at(
          0,
          0,
          0,
          () => {
            drawBody(brush, body, look, pose);
            if (chinRest) brush.ellipse(-0.09, 0.45, 0.07, 0.045, look.dark);
            const finger = Math.min(1, Math.max(0, (reach(pose).pitchMidi - 52) / 45));
            drawHand(brush, person, 0.02, -0.33 + finger * 0.2, Math.PI * 0.9, 0.1, [0.26, -0.3]);
            drawBow(brush, look, person, bowY, -0.1, bowLength, pose);
          },
          0.92,
        );
      });
    },
  };
};

export const makeCello: ObjectMaker = (random, look) => {
  const body = planBody(random, random.uniform(0.2, 0.235));
  const person = randomPerson(random, 0.6);
  const angle = random.uniform(-0.22, 0.1);
  const bowY = body.top + random.uniform(0.2, 0.27);
  const bowLength = random.uniform(0.6, 0.75);
  const pin = random.uniform(0.06, 0.12);
  return {
    drawPlayer(brush) {
      if (!person.seen) return;
      drawFigure(brush, person, -0.14, -0.36, 0.1, 1);
      for (const side of [-1, 1])
        brush.curve(
          [
            [side * 0.1, 0.2],
            [side * 0.3, 0.12],
            [side * 0.28, 0.5],
          ],
          0.13,
          tone(person.sleeve, -0.15),
        );
    },
    draw(brush, pose) {
      const sway = 0.04 * Math.sin(pose.phase * 2.4);
      brush.at(0, 0, angle + sway, () => {
        brush.limb(0, 0.42, 0, 0.42 + pin, 0.018, look.third);
        brush.at(
          0,
          -0.04,
          0,
          () => {
            drawBody(brush, body, look, pose);
            const finger = Math.min(1, Math.max(0, (reach(pose).pitchMidi - 36) / 45));
            drawHand(brush, person, -0.01, -0.3 + finger * 0.22, 0.2, 0.1, [-0.25, -0.16]);
            drawBow(brush, look, person, bowY, 0.12, bowLength, pose);
          },
          0.92,
        );
      });
    },
  };
};
