/** Birds: the beak opens while they call, the body bobs, wing and tail twitch. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import type { Pose } from '../pose.ts';
import { mouthOpening } from '../pose.ts';

function planBird(random: SeededRandom) {
  return {
    plump: random.uniform(0.2, 0.28),
    long: random.uniform(0.27, 0.34),
    head: random.uniform(0.13, 0.18),
    beak: random.uniform(0.11, 0.2),
    beakDepth: random.uniform(0.035, 0.06),
    tail: random.uniform(0.2, 0.34),
    tailSpread: random.uniform(0.04, 0.1),
    legs: random.uniform(0.1, 0.18),
    crest: random.next() < 0.3,
    belly: random.next() < 0.7,
    bands: random.integer(0, 4),
    perch: random.pick(['branch', 'branch', 'post', 'none'] as const),
    upright: random.uniform(-0.5, -0.1),
    eye: random.uniform(0.025, 0.04),
  };
}
type BirdPlan = ReturnType<typeof planBird>;

export const makeBird: ObjectMaker = (random, look) => {
  const plan = planBird(random);
  return {
    draw(brush, pose) {
      const open = mouthOpening(pose);
      const bob = -0.035 * open + 0.03 * pose.impact;
      const feet = 0.4;
      if (plan.perch === 'branch') {
        brush.curve(
          [
            [-0.5, feet + 0.06],
            [-0.1, feet],
            [0.2, feet + 0.02],
            [0.5, feet - 0.04],
          ],
          0.05,
          look.dark,
        );
        brush.ellipse(0.38, feet - 0.08, 0.07, 0.03, look.third, -0.6);
      } else if (plan.perch === 'post') brush.rect(-0.12, feet, 0.24, 0.1, 0.01, look.dark);
      for (const x of [-0.05, 0.05]) {
        brush.limb(x, 0.15 + bob, x + 0.02, feet - 0.01, 0.022, look.third);
        brush.limb(x - 0.02, feet - 0.005, x + 0.07, feet - 0.005, 0.018, look.third);
      }
      brush.at(0, 0.08 + bob, plan.upright - 0.12 * open - 0.1 * pose.impact, () =>
        drawBirdBody(brush, plan, look, pose, open),
      );
    },
  };
};

function drawBirdBody(brush: Brush, plan: BirdPlan, look: Look, pose: Pose, open: number): void {
  const { long, plump, head } = plan;
  const wag = 0.25 * pose.impact;
  brush.at(-long * 0.8, 0.03, wag, () =>
    brush.polygon(
      [
        [0.05, -0.06],
        [-plan.tail, -plan.tailSpread],
        [-plan.tail * 1.05, plan.tailSpread * 0.8],
        [0.05, 0.07],
      ],
      tone(look.second, -0.08),
    ),
  );
  brush.blob(
    [
      [-long * 1.15, 0.04],
      [-long * 0.7, -plump * 0.8],
      [0, -plump * 1.1],
      [long, -plump * 0.9],
      [long * 1.15, 0.05],
      [long * 0.6, plump * 1.1],
      [-long * 0.3, plump * 1.05],
    ],
    look.body,
  );
  if (plan.belly)
    brush.ellipse(long * 0.25, plump * 0.42, long * 0.62, plump * 0.42, tone(look.light, -0.05), -0.25);
  const headX = long * 0.82;
  const headY = -plump * 0.95 - 0.02 * open;
  brush.at(headX, headY, -0.25 * open - plan.upright * 0.7, () => {
    const gape = 0.1 + open * 0.62;
    if (plan.crest)
      brush.blob(
        [
          [-head * 0.5, -head * 0.5],
          [-head * 1.1, -head * 1.9],
          [0, -head * 1.2],
          [head * 0.4, -head * 0.6],
        ],
        look.second,
      );
    brush.at(head * 0.75, head * 0.1, gape * 0.55, () =>
      brush.polygon(
        [
          [0, -0.01],
          [plan.beak * 0.9, 0.008],
          [0, plan.beakDepth],
        ],
        tone(look.third, -0.1),
      ),
    );
    brush.at(head * 0.75, head * 0.05, -gape * 0.45, () =>
      brush.polygon(
        [
          [0, -plan.beakDepth],
          [plan.beak, 0.005],
          [0, 0.015],
        ],
        look.third,
      ),
    );
    brush.ellipse(0, 0, head, head * 0.95, look.body);
    brush.ellipse(head * 0.35, -head * 0.18, plan.eye * 1.3, plan.eye * 1.3, look.light);
    brush.ellipse(head * 0.38, -head * 0.18, plan.eye * 0.8, plan.eye * 0.8, look.dark);
  });
  const flutter = 0.35 * pose.impact * Math.sin(pose.sinceOnsetSec * 50) - 0.1 * open;
  brush.at(-0.02, -plump * 0.25, 0.2 + flutter, () => {
    brush.blob(
      [
        [0.14, -0.02],
        [0.02, -0.12],
        [-long * 0.9, 0],
        [-long * 1.2, plump * 0.7],
        [-0.05, plump * 0.75],
        [0.12, 0.1],
      ],
      look.second,
    );
    for (let band = 0; band < plan.bands; band++)
      brush.hair(
        [
          [-0.05 - band * 0.05, plump * 0.1],
          [-long * 0.5 - band * 0.05, plump * 0.5],
        ],
        0.01,
        tone(look.second, -0.15),
      );
  });
}
