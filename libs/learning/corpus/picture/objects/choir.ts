/** Choirs: singers in rows or side by side; mouths open with the loudness, heads rise at the onsets. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { type Person, randomPerson } from '../player.ts';
import { mouthOpening, type Pose } from '../pose.ts';

interface Singer {
  x: number;
  y: number;
  size: number;
  person: Person;
  phase: number;
}

function planChoir(random: SeededRandom, asked: string) {
  const form = chooseForm(random, asked, ['rows', 'quartet']);
  const rows = form === 'rows' ? [random.integer(4, 6), random.integer(3, 5)] : [random.integer(3, 5)];
  const singers = rows.flatMap((count, row) =>
    Array.from({ length: count }, (_, i): Singer => {
      const size = (form === 'rows' ? 0.085 : 0.12) * random.uniform(0.88, 1.1);
      return {
        x: ((i + 0.5) / count - 0.5) * (form === 'rows' ? 0.86 : 0.92),
        y: (form === 'rows' ? -0.26 : -0.18) + row * 0.26 + random.uniform(-0.03, 0.03),
        size,
        person: randomPerson(random, 1),
        phase: random.uniform(0, 6),
      };
    }),
  );
  return { form, singers, robes: random.next() < 0.6, books: random.next() < 0.6 };
}
type ChoirPlan = ReturnType<typeof planChoir>;

export const makeChoir: ObjectMaker = (random, look, form) => {
  const plan = planChoir(random, form);
  return {
    draw(brush, pose) {
      const open = mouthOpening(pose);
      for (const singer of plan.singers) drawSinger(brush, plan, singer, look, pose, open);
    },
  };
};

function drawSinger(
  brush: Brush,
  plan: ChoirPlan,
  singer: Singer,
  look: Look,
  pose: Pose,
  open: number,
): void {
  const { size, person } = singer;
  const lean = 0.012 * Math.sin(pose.phase * 5 + singer.phase);
  const x = singer.x + lean;
  const y = singer.y - size * (0.28 * open + 0.5 * pose.impact);
  const robe = plan.robes ? look.body : person.sleeve;
  const foot = plan.form === 'rows' ? singer.y + size * 4.2 : 0.48;
  brush.blob(
    [
      [x - size * 1.5, foot],
      [x - size * 1.5, singer.y + size * 1.9],
      [x - size * 0.6, singer.y + size * 1.05],
      [x + size * 0.6, singer.y + size * 1.05],
      [x + size * 1.5, singer.y + size * 1.9],
      [x + size * 1.5, foot],
    ],
    robe,
  );
  if (plan.robes)
    brush.polygon(
      [
        [x - size * 0.45, singer.y + size * 1.15],
        [x + size * 0.45, singer.y + size * 1.15],
        [x, singer.y + size * 2.2],
      ],
      look.second,
    );
  brush.ellipse(x, y - size * 0.25, size * (0.95 + 0.2 * person.hairLength), size * 1.05, person.hair);
  brush.ellipse(x, y + size * 0.1, size * 0.78, size * 0.95, person.skin);
  for (const side of [-1, 1])
    brush.ellipse(x + side * size * 0.3, y - size * 0.1, size * 0.11, size * 0.09, look.dark);
  const gape = size * (0.05 + 0.42 * open);
  brush.ellipse(x, y + size * 0.5, size * (0.3 - 0.06 * open), gape, look.dark);
  if (open > 0.3)
    brush.ellipse(x, y + size * 0.5 + gape * 0.5, size * 0.16, gape * 0.35, {
      hue: 350,
      saturation: 0.55,
      lightness: 0.6,
    });
  if (plan.books) {
    const lift = size * 0.4 * pose.loudness;
    for (const side of [-1, 1])
      brush.polygon(
        [
          [x, singer.y + size * 2.5 - lift],
          [x + side * size * 0.9, singer.y + size * 2.2 - lift],
          [x + side * size * 0.9, singer.y + size * 3 - lift],
          [x, singer.y + size * 3.3 - lift],
        ],
        tone(look.light, side * 0.03),
      );
  }
}
