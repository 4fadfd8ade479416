/** Harps: the strings of the sounding pitches tremble, two hands pluck. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { reach, recentEvents } from '../pose.ts';

function planHarp(random: SeededRandom) {
  return {
    strings: random.integer(10, 19),
    columnX: -random.uniform(0.28, 0.36),
    lean: random.uniform(-0.05, 0.05),
    crown: random.uniform(0.03, 0.07),
    curve: random.uniform(0.06, 0.16),
    thickness: random.uniform(0.05, 0.075),
    hands: random.next() < 0.85,
    person: randomPerson(random, 0.5),
    colouredStrings: random.next() < 0.5,
  };
}
type HarpPlan = ReturnType<typeof planHarp>;

export const makeHarp: ObjectMaker = (random, look) => {
  const plan = planHarp(random);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, 0.34, -0.3, 0.1, -1);
    },
    draw(brush, pose) {
      brush.at(0, 0, plan.lean + pose.impact * 0.035 * Math.sin(pose.sinceOnsetSec * 40), () => {
        drawHarpStrings(brush, plan, look, pose);
        drawHarpFrame(brush, plan, look);
        if (plan.hands) drawHarpHands(brush, plan, pose);
      });
    },
  };
};

/** Top and foot of string `i`. */
function harpString(plan: HarpPlan, i: number): { top: Point; foot: Point } {
  const t = i / (plan.strings - 1);
  const x = plan.columnX + 0.06 + t * (0.3 - plan.columnX - 0.06);
  return {
    top: [x, -0.38 + plan.curve * Math.sin(t * Math.PI) + t * 0.1],
    foot: [x, 0.38 - ((x - plan.columnX) / (0.36 - plan.columnX)) * 0.54],
  };
}

function harpStringOf(plan: HarpPlan, pitchMidi: number): number {
  return Math.min(plan.strings - 1, Math.max(0, ((pitchMidi - 40) / 50) * (plan.strings - 1)));
}

function drawHarpStrings(brush: Brush, plan: HarpPlan, look: Look, pose: Pose): void {
  const sway = new Map<number, number>();
  for (const { event, freshness } of recentEvents(pose, 0.9)) {
    sway.set(Math.round(harpStringOf(plan, event.pitchMidi ?? 60)), freshness * 0.045);
  }
  for (let i = 0; i < plan.strings; i++) {
    const { top, foot } = harpString(plan, i);
    const amount = sway.get(i) ?? 0;
    const bend = amount * Math.sin(pose.timeSec * 140 + i);
    brush.hair(
      [top, [top[0] + bend * 1.6, (top[1] + foot[1]) / 2], foot],
      0.007 + amount * 0.2,
      plan.colouredStrings && i % 3 === 0 ? look.third : look.light,
    );
  }
}

function drawHarpFrame(brush: Brush, plan: HarpPlan, look: Look): void {
  const { columnX, thickness } = plan;
  brush.polygon(
    [
      [columnX - 0.02, 0.42],
      [0.33, -0.24],
      [0.41, -0.2],
      [columnX + 0.12, 0.46],
    ],
    look.second,
  );
  const neck: Point[] = [[columnX, -0.42]];
  for (let i = 0; i < plan.strings; i += 3)
    neck.push([harpString(plan, i).top[0], harpString(plan, i).top[1] - 0.02]);
  neck.push([0.37, -0.24]);
  brush.curve(neck, thickness, look.body);
  brush.limb(columnX, 0.42, columnX, -0.42, thickness * 0.9, look.body);
  brush.ellipse(columnX, -0.43, plan.crown, plan.crown, look.third);
  brush.rect(columnX - 0.07, 0.42, 0.26, 0.06, 0.02, look.body);
}

function drawHarpHands(brush: Brush, plan: HarpPlan, pose: Pose): void {
  for (const side of [0, 1]) {
    const hand = reach(pose, (_, index) => index % 2 === side);
    const { top, foot } = harpString(plan, harpStringOf(plan, hand.pitchMidi));
    const height = 0.45 + 0.2 * (side - 0.5);
    const pull = hand.sinceSec < 0.12 ? 0.09 * (1 - hand.sinceSec / 0.12) : 0;
    const x = top[0] + 0.05 + hand.lift * 0.11 + pull;
    drawHand(brush, plan.person, x, top[1] + (foot[1] - top[1]) * height, Math.PI + 0.3 * (side - 0.5), 0.1, [
      x + 0.3,
      0.1 + side * 0.12,
    ]);
  }
}
