/** Guitars, acoustic and electric: the strings tremble from the pluck on, one hand plucks, one stops the strings. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { reach } from '../pose.ts';
import { drawStrings } from './strings.ts';

function planGuitar(random: SeededRandom, form: string) {
  return {
    form: chooseForm(random, form, ['classical', 'dreadnought', 'double-cut', 'single-cut'], ['archtop']),
    lower: random.uniform(0.2, 0.25),
    waist: random.uniform(0.1, 0.14),
    upper: random.uniform(0.14, 0.19),
    neck: random.uniform(0.5, 0.58),
    angle: -random.uniform(0.25, 1.0),
    strings: random.integer(4, 7),
    pegs: random.uniform(0.012, 0.02),
    hands: random.next() < 0.8,
    person: randomPerson(random, 0.45),
  };
}
type GuitarPlan = ReturnType<typeof planGuitar>;

export const makeGuitar: ObjectMaker = (random, look, form) => {
  const plan = planGuitar(random, form);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.05, -0.42, 0.1, 1);
    },
    draw(brush, pose) {
      const kick = Math.sin(pose.sinceOnsetSec * 30) * 0.08 * pose.impact;
      brush.at(-0.05, 0.08, plan.angle + kick, () => {
        drawGuitarBody(brush, plan, look);
        drawGuitarNeck(brush, plan, look);
        drawStrings(brush, look, pose, {
          count: plan.strings,
          from: -0.24,
          to: plan.neck + 0.02,
          spread: 0.045,
        });
        if (plan.hands) drawGuitarHands(brush, plan, pose);
      });
    },
  };
};

function drawGuitarBody(brush: Brush, plan: GuitarPlan, look: Look): void {
  if (plan.form === 'double-cut' || plan.form === 'single-cut') drawSolidBody(brush, plan, look);
  else drawHollowBody(brush, plan, look);
  brush.rect(-0.27, -0.07, 0.035, 0.14, 0.01, tone(look.second, -0.15));
}

/** Electric guitars: two horns, or a round body with one cut. */
function drawSolidBody(brush: Brush, plan: GuitarPlan, look: Look): void {
  const { lower, waist, upper } = plan;
  const horned = plan.form === 'double-cut';
  brush.blob(
    [
      [-0.36, -lower * 0.7],
      [-0.14, -waist * 0.9],
      horned ? [0.16, -upper * 1.25] : [0.05, -upper * 1.1],
      horned ? [0.2, -0.07] : [0.2, -upper * 0.6],
      [0.06, -0.05],
      [0.06, 0.05],
      [0.16, upper * 0.95],
      [0.1, upper],
      [-0.1, waist],
      [-0.3, lower],
      [-0.42, lower * 0.5],
      [-0.42, -lower * 0.3],
    ],
    look.body,
  );
  if (horned)
    brush.blob(
      [
        [-0.2, 0.02],
        [0.1, 0.03],
        [0.08, upper * 0.7],
        [-0.2, lower * 0.8],
        [-0.28, 0.1],
      ],
      look.second,
    );
  for (const x of horned ? [-0.17, -0.09, -0.01] : [-0.17, -0.03])
    brush.rect(x, -0.045, horned ? 0.025 : 0.055, 0.09, 0.01, look.dark);
  for (const x of [-0.28, -0.22]) brush.ellipse(x, lower * 0.6, 0.02, 0.02, look.third);
}

/** Classical and steel-string guitars with a round hole, archtops with two f-holes and a cut. */
function drawHollowBody(brush: Brush, plan: GuitarPlan, look: Look): void {
  const { lower, upper } = plan;
  const arched = plan.form === 'archtop';
  const waist = plan.form === 'dreadnought' ? plan.waist * 1.35 : plan.waist;
  brush.blob(
    [
      [-0.4, -lower * 0.55],
      [-0.36, -lower * 1.05],
      [-0.18, -lower * 1.1],
      [-0.06, -waist * 0.75],
      [0.06, -upper * 1.15],
      [0.19, -upper * 0.95],
      [0.2, 0],
      arched ? [0.06, upper * 0.35] : [0.19, upper * 0.95],
      arched ? [0.13, upper * 1.2] : [0.06, upper * 1.15],
      [-0.06, waist * 0.75],
      [-0.18, lower * 1.1],
      [-0.36, lower * 1.05],
      [-0.4, lower * 0.55],
    ],
    look.body,
  );
  if (arched) {
    for (const side of [-1, 1])
      brush.hair(
        [
          [-0.22, side * lower * 0.62],
          [-0.17, side * lower * 0.72],
          [-0.09, side * lower * 0.48],
          [-0.03, side * lower * 0.6],
        ],
        0.02,
        look.dark,
      );
    brush.rect(0.04, -0.05, 0.05, 0.1, 0.01, look.third);
    brush.polygon(
      [
        [-0.4, -0.035],
        [-0.27, -0.025],
        [-0.27, 0.025],
        [-0.4, 0.035],
      ],
      look.third,
    );
    return;
  }
  if (plan.form === 'dreadnought')
    brush.blob(
      [
        [-0.12, 0.05],
        [0.1, 0.06],
        [0.06, 0.15],
        [-0.12, 0.17],
      ],
      look.second,
    );
  else brush.ellipse(0.02, 0, 0.105, 0.105, look.third);
  brush.ellipse(0.02, 0, 0.072, 0.072, look.dark);
}

function drawGuitarNeck(brush: Brush, plan: GuitarPlan, look: Look): void {
  const { neck } = plan;
  brush.rect(0.06, -0.03, neck - 0.06, 0.06, 0.005, tone(look.second, -0.1));
  for (let fret = 0; fret < 9; fret++) {
    const x = neck - (neck - 0.1) * (1 - 0.89 ** (fret * 1.4));
    brush.hair(
      [
        [x, -0.028],
        [x, 0.028],
      ],
      0.005,
      look.light,
      0.8,
    );
  }
  brush.polygon(
    [
      [neck, -0.035],
      [neck + 0.04, -0.05],
      [neck + 0.15, -0.045],
      [neck + 0.15, 0.045],
      [neck + 0.04, 0.05],
      [neck, 0.035],
    ],
    look.body,
  );
  for (let i = 0; i < 3; i++) {
    for (const side of [-1, 1])
      brush.ellipse(neck + 0.05 + i * 0.038, side * 0.066, plan.pegs, plan.pegs, look.light);
  }
}

function drawGuitarHands(brush: Brush, plan: GuitarPlan, pose: Pose): void {
  const pluck = reach(pose);
  const strum =
    (pose.eventIndex % 2 === 0 ? 1 : -1) * (pluck.sinceSec < 0.18 ? 1 - 2 * (pluck.sinceSec / 0.18) : -1);
  const y = 0.02 - strum * 0.12 - 0.05 * pluck.lift;
  drawHand(brush, plan.person, -0.1, y + 0.02, -Math.PI / 2 + 0.4, 0.11, [-0.32, 0.36]);
  const place = Math.min(1, Math.max(0, (pluck.pitchMidi - 40) / 40));
  drawHand(brush, plan.person, plan.neck - 0.04 - place * 0.28, 0.01, -Math.PI / 2 - 0.3, 0.1, [
    plan.neck - 0.1,
    0.34,
  ]);
}
