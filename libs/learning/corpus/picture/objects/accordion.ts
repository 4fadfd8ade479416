/** Accordions: bellows that open and close as the sound swells, keys under the fingers. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import { tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { reach, recentEvents, stroke } from '../pose.ts';

function planAccordion(random: SeededRandom, asked: string) {
  const form = chooseForm(random, asked, ['keys', 'buttons'], ['bandoneon']);
  const square = form === 'bandoneon';
  return {
    form,
    height: square ? random.uniform(0.36, 0.44) : random.uniform(0.5, 0.68),
    pleats: random.integer(7, 13),
    keys: random.integer(8, 14),
    buttons: form !== 'keys',
    boxWidth: random.uniform(0.17, 0.23),
    fan: square ? random.uniform(0.2, 0.4) : random.uniform(0.04, 0.16),
    grille: random.integer(2, 5),
    person: randomPerson(random, 0.5),
    hands: random.next() < 0.8,
  };
}
type AccordionPlan = ReturnType<typeof planAccordion>;

export const makeAccordion: ObjectMaker = (random, look, form) => {
  const plan = planAccordion(random, form);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, 0.05, -0.42, 0.12, 0);
    },
    draw(brush, pose) {
      const open = 0.3 + 0.17 * stroke(pose) + 0.02 * pose.loudness;
      const tilt = plan.fan * (0.4 + open);
      const left = -open / 2;
      const right = open / 2;
      drawBellows(brush, plan, look, open, tilt);
      brush.at(left, 0.04, -tilt, () => drawBass(brush, plan, look));
      brush.at(right, 0.04, tilt, () => drawTreble(brush, plan, look, pose));
      if (plan.hands) {
        brush.at(left, 0.04, -tilt, () =>
          drawHand(brush, plan.person, -plan.boxWidth - 0.02, 0.06, 0.1, 0.12, [-plan.boxWidth - 0.13, 0.32]),
        );
      }
    },
  };
};

function drawBellows(brush: Brush, plan: AccordionPlan, look: Look, open: number, tilt: number): void {
  const half = plan.height / 2;
  const top: Point[] = [];
  const bottom: Point[] = [];
  const count = plan.pleats * 2;
  for (let i = 0; i <= count; i++) {
    const t = i / count - 0.5;
    const ridge = i % 2 === 0 ? -0.02 : 0.02;
    const angle = tilt * 2 * t;
    const radius = half + ridge;
    top.push([
      t * open * 1.05 + Math.sin(angle) * radius,
      0.04 - Math.cos(angle) * radius - 0.02 * (1 - 4 * t * t),
    ]);
    bottom.push([t * open - Math.sin(angle) * radius * 0.8, 0.04 + Math.cos(angle) * radius]);
  }
  brush.polygon([...top, ...bottom.slice().reverse()], look.second);
  for (let i = 0; i < count; i++) {
    const colour = i % 2 === 0 ? tone(look.second, -0.16) : tone(look.second, 0.14);
    brush.hair([top[i]!, bottom[i]!], 0.006 + open * 0.02, colour);
  }
}

function drawBass(brush: Brush, plan: AccordionPlan, look: Look): void {
  const { boxWidth, height } = plan;
  brush.rect(-boxWidth, -height / 2 - 0.03, boxWidth + 0.01, height + 0.06, 0.04, look.body);
  for (let row = 0; row < 6; row++) {
    for (let column = 0; column < 3; column++) {
      brush.ellipse(
        -boxWidth * (0.3 + column * 0.22),
        -height * 0.38 + row * height * 0.15 + column * 0.01,
        0.013,
        0.013,
        look.light,
      );
    }
  }
}

function drawTreble(brush: Brush, plan: AccordionPlan, look: Look, pose: Pose): void {
  const { boxWidth, height, keys } = plan;
  brush.rect(-0.01, -height / 2 - 0.03, boxWidth, height + 0.06, 0.04, look.body);
  for (let i = 0; i < plan.grille; i++) {
    brush.rect(
      boxWidth * 0.2,
      -height * 0.42 + (i * height * 0.84) / plan.grille,
      boxWidth * 0.22,
      (height * 0.6) / plan.grille,
      0.012,
      look.third,
    );
  }
  const pressed = new Set(
    recentEvents(pose, 0.8)
      .filter(({ event }) => pose.timeSec < event.endSec + 0.05)
      .map(({ event }) => keyOf(plan, event.pitchMidi ?? 60)),
  );
  const size = (height * 1.04) / keys;
  for (let key = 0; key < keys; key++) {
    const down = pressed.has(key) ? 1 : 0;
    const y = -height * 0.52 + key * size;
    if (plan.buttons) {
      for (const column of [0, 1])
        brush.ellipse(
          boxWidth * 0.65 + column * 0.05 - down * 0.012,
          y + size / 2,
          size * 0.36,
          size * 0.36,
          down ? look.third : look.light,
        );
    } else {
      brush.rect(
        boxWidth * 0.6 - down * 0.02,
        y,
        boxWidth * 0.62,
        size * 0.94,
        0.006,
        down ? look.third : look.light,
      );
      if (key % 7 !== 2 && key % 7 !== 6 && key + 1 < keys)
        brush.rect(boxWidth * 0.6, y + size * 0.72, boxWidth * 0.32, size * 0.5, 0.004, look.dark);
    }
  }
  if (plan.hands) {
    const hand = reach(pose);
    const y = -height * 0.52 + (keyOf(plan, hand.pitchMidi) + 0.5) * size;
    drawHand(brush, plan.person, boxWidth * 1.12 + hand.lift * 0.03, y, Math.PI + 0.1, 0.12, [
      boxWidth + 0.2,
      y + 0.26,
    ]);
  }
}

function keyOf(plan: AccordionPlan, pitchMidi: number): number {
  return Math.min(plan.keys - 1, Math.max(0, Math.round(((pitchMidi - 45) / 45) * (plan.keys - 1))));
}
