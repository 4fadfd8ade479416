/** Dogs, from the side or from the front: the mouth opens with each bark and the head jerks up. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import { tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import type { Pose } from '../pose.ts';
import { mouthOpening, smooth } from '../pose.ts';

function planDog(random: SeededRandom) {
  return {
    front: random.next() < 0.4,
    ear: random.pick(['floppy', 'pointed'] as const),
    earSize: random.uniform(0.8, 1.25),
    muzzle: random.uniform(0.18, 0.25),
    muzzleDepth: random.uniform(0.075, 0.1),
    head: random.uniform(0.14, 0.17),
    bodyLength: random.uniform(0.46, 0.56),
    bodyDepth: random.uniform(0.12, 0.16),
    legs: random.uniform(0.05, 0.07),
    tail: random.uniform(0.5, 1.1),
    patch: random.next() < 0.5,
    spots: random.integer(0, 3),
    collar: random.next() < 0.6,
  };
}
type DogPlan = ReturnType<typeof planDog>;

export const makeDog: ObjectMaker = (random, look) => {
  const plan = planDog(random);
  return {
    draw(brush, pose) {
      const open = mouthOpening(pose);
      if (plan.front) drawDogFront(brush, plan, look, pose, open);
      else drawDogSide(brush, plan, look, pose, open);
    },
  };
};

function drawDogSide(brush: Brush, plan: DogPlan, look: Look, pose: Pose, open: number): void {
  const { bodyLength, bodyDepth, legs } = plan;
  const back = -0.4;
  const chest = back + bodyLength;
  const hop = -0.03 * open * pose.impact;
  const wag = 0.3 * Math.sin(pose.phase * 22);
  brush.curve(
    [
      [back + 0.04, 0.02 + hop],
      [back - 0.06, -0.12],
      [back - 0.06 + wag * 0.15, -0.16 - 0.16 * plan.tail],
    ],
    0.05,
    look.body,
  );
  for (const [x, shade] of [
    [back + 0.12, -0.1],
    [chest - 0.12, -0.1],
    [back + 0.04, 0],
    [chest - 0.04, 0],
  ] as const) {
    brush.limb(x, 0.12 + hop, x + 0.01, 0.44, legs, tone(look.body, shade));
    brush.ellipse(x + 0.03, 0.455, 0.05, 0.028, tone(look.body, shade));
  }
  brush.blob(
    [
      [back - 0.04, 0.06 + hop],
      [back, -0.08 + hop],
      [back + bodyLength * 0.5, -0.07 + hop],
      [chest + 0.02, -0.1 + hop],
      [chest + 0.06, 0.08 + hop],
      [chest - 0.04, bodyDepth + 0.12 + hop],
      [back + bodyLength * 0.4, bodyDepth + 0.04 + hop],
      [back + 0.02, bodyDepth + 0.06 + hop],
    ],
    look.body,
  );
  for (let spot = 0; spot < plan.spots; spot++)
    brush.ellipse(back + 0.12 + spot * 0.16, 0.02 + hop + (spot % 2) * 0.04, 0.06, 0.045, look.second);
  brush.limb(chest - 0.03, 0 + hop, chest + 0.04, -0.2 + hop, 0.15, look.body);
  if (plan.collar) brush.limb(chest - 0.05, -0.12 + hop, chest + 0.1, -0.06 + hop, 0.04, look.third);
  brush.at(chest + 0.05, -0.22 + hop, -0.4 * open - 0.15 * pose.impact, () =>
    drawDogHead(brush, plan, look, open),
  );
}

function drawDogHead(brush: Brush, plan: DogPlan, look: Look, open: number): void {
  const { head, muzzle, muzzleDepth } = plan;
  brush.at(head * 0.45, head * 0.5, 0.1 + open * 0.7, () => {
    brush.blob(
      [
        [-0.05, -0.03],
        [muzzle * 0.95, -0.015],
        [muzzle * 0.95, 0.045],
        [-0.05, 0.06],
      ],
      tone(look.body, -0.1),
    );
    if (open > 0.25)
      brush.blob(
        [
          [0.02, -0.03],
          [muzzle * 0.8, -0.035],
          [muzzle * 0.85, 0.005],
          [0.02, 0.01],
        ],
        { hue: 350, saturation: 0.6, lightness: 0.6 },
      );
  });
  brush.blob(
    [
      [0, -muzzleDepth],
      [head + muzzle * 0.85, -muzzleDepth * 0.35],
      [head + muzzle * 0.95, muzzleDepth * 0.55],
      [0.02, muzzleDepth * 1.3],
    ].map(([x, y]): Point => [x!, y! + head * 0.12]),
    tone(look.body, plan.patch ? 0.1 : 0),
  );
  brush.ellipse(0, 0, head, head * 0.92, look.body);
  brush.blob(
    [
      [head * 0.4, -head * 0.35],
      [head + muzzle * 0.75, -head * 0.1],
      [head + muzzle * 0.8, head * 0.55],
      [head * 0.4, head * 0.6],
    ],
    tone(look.body, plan.patch ? 0.1 : 0),
  );
  brush.ellipse(head + muzzle * 0.68, head * 0.05, 0.035, 0.03, look.dark);
  brush.ellipse(head * 0.42, -head * 0.3, 0.026, 0.026, look.dark);
  brush.at(-head * 0.25, -head * 0.55, -0.3 * open, () => drawEar(brush, plan, look, -1));
}

function drawEar(brush: Brush, plan: DogPlan, look: Look, side: number): void {
  const size = plan.earSize;
  const colour = plan.patch ? look.second : tone(look.body, -0.15);
  if (plan.ear === 'pointed')
    brush.polygon(
      [
        [-0.06, 0.04],
        [side * 0.05, -0.2 * size],
        [0.07, 0.02],
      ],
      colour,
    );
  else
    brush.blob(
      [
        [-0.05, -0.04],
        [0.06, -0.05],
        [0.06 + side * 0.05, 0.12],
        [side * 0.08, 0.27 * size],
        [-0.07 + side * 0.05, 0.18],
      ],
      colour,
    );
}

function drawDogFront(brush: Brush, plan: DogPlan, look: Look, pose: Pose, open: number): void {
  const jerk = -0.05 * open - 0.03 * pose.impact;
  brush.curve(
    [
      [0.2, 0.36],
      [0.36, 0.3],
      [0.4 + 0.05 * Math.sin(pose.phase * 22), 0.12],
    ],
    0.06,
    look.body,
  );
  brush.blob(
    [
      [-0.3, 0.5],
      [-0.24, 0.1],
      [-0.1, -0.05],
      [0.1, -0.05],
      [0.24, 0.1],
      [0.3, 0.5],
    ],
    look.body,
  );
  brush.ellipse(0, 0.24, 0.1, 0.15, tone(look.body, 0.14));
  for (const side of [-1, 1]) {
    brush.limb(side * 0.12, 0.2, side * 0.12, 0.44, 0.09, tone(look.body, 0.04));
    brush.ellipse(side * 0.12, 0.455, 0.075, 0.04, tone(look.body, 0.08));
  }
  if (plan.collar)
    brush.curve(
      [
        [-0.17, 0.04],
        [0, 0.11],
        [0.17, 0.04],
      ],
      0.045,
      look.third,
    );
  brush.at(0, -0.16 + jerk, 0.05 * pose.impact, () => {
    const wide = plan.head * 1.5;
    if (plan.ear === 'pointed')
      for (const side of [-1, 1])
        brush.at(side * wide * 0.7, -wide * 0.6, 0, () => drawEar(brush, plan, look, side));
    brush.blob(
      [
        [-wide * 1.1, -wide * 0.5],
        [-wide * 0.6, -wide],
        [wide * 0.6, -wide],
        [wide * 1.1, -wide * 0.5],
        [wide * 0.8, wide * 0.9],
        [-wide * 0.8, wide * 0.9],
      ],
      look.body,
    );
    if (plan.ear === 'floppy')
      for (const side of [-1, 1])
        brush.at(side * wide * 0.85, -wide * 0.55, side * -0.3 - side * 0.3 * open, () =>
          drawEar(brush, plan, look, side),
        );
    if (plan.patch) brush.ellipse(-wide * 0.42, -wide * 0.2, 0.07, 0.085, look.second);
    for (const side of [-1, 1]) {
      brush.ellipse(side * wide * 0.42, -wide * 0.2, 0.036, 0.036, look.light);
      brush.ellipse(side * wide * 0.42, -wide * 0.18, 0.022, 0.022, look.dark);
    }
    const gape = 0.02 + 0.14 * smooth(open);
    brush.ellipse(0, wide * 0.42 + gape * 0.7, 0.085, 0.05 + gape * 0.6, look.dark);
    brush.ellipse(0, wide * 0.5 + gape, 0.05, 0.02 + gape * 0.35, {
      hue: 350,
      saturation: 0.6,
      lightness: 0.6,
    });
    brush.ellipse(0, wide * 0.3, plan.muzzle * 0.62, plan.muzzleDepth, tone(look.body, 0.14));
    brush.ellipse(0, wide * 0.16, 0.05, 0.036, look.dark);
    brush.hair(
      [
        [0, wide * 0.16],
        [0, wide * 0.42],
      ],
      0.01,
      look.dark,
    );
  });
}
