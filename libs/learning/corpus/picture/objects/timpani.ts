/** Timpani: one to three kettles on stands; the mallets fall on the kettle of the pitch, whose head trembles. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { css, tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawHand, randomPerson } from '../player.ts';
import { type Pose, reach, recentEvents } from '../pose.ts';

const LOWEST_MIDI = 36;
const HIGHEST_MIDI = 58;

function planTimpani(random: SeededRandom) {
  const kettles = random.integer(1, 4);
  return {
    kettles,
    radius: kettles === 1 ? 0.34 : kettles === 2 ? 0.24 : 0.185,
    squash: random.uniform(0.24, 0.34),
    depth: random.uniform(0.9, 1.15),
    headY: random.uniform(-0.08, 0.02),
    screws: random.integer(4, 8),
    pedal: random.next() < 0.6,
    felt: random.uniform(0.038, 0.052),
    person: randomPerson(random, 0),
    hands: random.next() < 0.8,
  };
}
type TimpaniPlan = ReturnType<typeof planTimpani>;

export const makeTimpani: ObjectMaker = (random, look) => {
  const plan = planTimpani(random);
  return {
    draw(brush, pose) {
      for (let kettle = 0; kettle < plan.kettles; kettle++) drawKettle(brush, plan, look, pose, kettle);
      for (const side of [-1, 1] as const) drawMallet(brush, plan, look, pose, side);
    },
  };
};

function kettleOf(plan: TimpaniPlan, pitchMidi: number): number {
  const place = Math.min(0.99, Math.max(0, (pitchMidi - LOWEST_MIDI) / (HIGHEST_MIDI - LOWEST_MIDI)));
  return Math.floor(place * plan.kettles);
}

/** Low kettles stand at the left and are larger. */
function kettleAt(plan: TimpaniPlan, kettle: number): { x: number; radius: number } {
  const radius = plan.radius * (1 + 0.12 * ((plan.kettles - 1) / 2 - kettle));
  return { x: (kettle - (plan.kettles - 1) / 2) * plan.radius * 2.05, radius };
}

function drawKettle(brush: Brush, plan: TimpaniPlan, look: Look, pose: Pose, kettle: number): void {
  const { x, radius } = kettleAt(plan, kettle);
  const { headY } = plan;
  const flat = radius * plan.squash;
  const fresh = recentEvents(pose, 0.6)
    .filter(({ event }) => kettleOf(plan, event.pitchMidi ?? 45) === kettle)
    .reduce((most, { event, freshness }) => Math.max(most, freshness * event.velocity), 0);
  const foot = headY + radius * plan.depth;
  for (const side of [-1, 1])
    brush.limb(
      x + side * radius * 0.5,
      headY + radius * 0.5,
      x + side * radius * 0.55,
      0.46,
      0.03,
      look.dark,
    );
  if (plan.pedal) brush.rect(x - radius * 0.16, 0.4, radius * 0.32, 0.08, 0.01, look.dark);
  brush.blob(
    [
      [x - radius, headY - 0.01],
      [x - radius * 1.02, headY + radius * 0.4],
      [x - radius * 0.6, foot],
      [x + radius * 0.6, foot],
      [x + radius * 1.02, headY + radius * 0.4],
      [x + radius, headY - 0.01],
    ],
    look.body,
  );
  brush.ellipse(x, headY + 0.015, radius * 1.05, flat * 1.1, look.second);
  const tremble = Math.sin(pose.sinceOnsetSec * 60) * 0.03 * fresh;
  brush.ellipse(x, headY + tremble, radius * 0.96, flat * 0.94, look.light);
  if (fresh > 0.05) {
    brush.ctx.beginPath();
    brush.ctx.ellipse(
      x,
      headY + tremble,
      radius * (0.9 - 0.7 * fresh),
      flat * (0.9 - 0.7 * fresh),
      0,
      0,
      Math.PI * 2,
    );
    brush.ctx.lineWidth = 0.014;
    brush.ctx.strokeStyle = css(tone(look.light, -0.35), fresh);
    brush.ctx.stroke();
  }
  for (let screw = 0; screw < plan.screws; screw++) {
    const angle = ((screw + 0.5) / plan.screws) * Math.PI;
    const screwX = x - Math.cos(angle) * radius * 1.03;
    const screwY = headY + 0.02 + Math.sin(angle) * flat * 1.08;
    brush.limb(screwX, screwY, screwX, screwY + 0.06, 0.016, look.third);
  }
}

function drawMallet(brush: Brush, plan: TimpaniPlan, look: Look, pose: Pose, side: -1 | 1): void {
  const stick = reach(pose, (_, index) => (index % 2 === 0 ? 1 : -1) === side);
  const kettle = kettleAt(plan, kettleOf(plan, stick.pitchMidi));
  const tipX = kettle.x + side * kettle.radius * 0.3;
  const tipY = plan.headY - 0.02 - stick.lift * 0.3;
  const handX = tipX + side * 0.22;
  const handY = tipY - 0.16 + stick.lift * 0.12;
  brush.limb(handX, handY, tipX, tipY, 0.02, look.third);
  brush.ellipse(tipX, tipY, plan.felt * 1.1, plan.felt, look.second);
  if (plan.hands)
    drawHand(brush, plan.person, handX, handY, Math.atan2(tipY - handY, tipX - handX), 0.1, [
      handX + side * 0.2,
      handY + 0.12,
    ]);
}
