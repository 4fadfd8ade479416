/** Plucked strings: guitars (acoustic and electric) and harps. Strings tremble from the pluck on; a hand plucks. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import { tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { reach, recentEvents } from '../pose.ts';

/** A string from a to b, bent sideways by its vibration. */
function drawString(brush: Brush, from: Point, to: Point, sway: number, width: number, look: Look): void {
  const normalX = -(to[1] - from[1]);
  const normalY = to[0] - from[0];
  const length = Math.hypot(normalX, normalY) || 1;
  const middle: Point = [
    (from[0] + to[0]) / 2 + (normalX / length) * sway,
    (from[1] + to[1]) / 2 + (normalY / length) * sway,
  ];
  brush.ctx.beginPath();
  brush.ctx.moveTo(from[0], from[1]);
  brush.ctx.quadraticCurveTo(middle[0], middle[1], to[0], to[1]);
  brush.ctx.lineWidth = width;
  brush.ctx.strokeStyle = `hsl(${look.light.hue.toFixed(0)},20%,${look.body.lightness > 0.55 ? 12 : 92}%)`;
  brush.ctx.stroke();
}

function planGuitar(random: SeededRandom) {
  return {
    electric: random.next() < 0.35,
    lower: random.uniform(0.2, 0.25),
    waist: random.uniform(0.1, 0.14),
    upper: random.uniform(0.14, 0.19),
    neck: random.uniform(0.5, 0.58),
    angle: -random.uniform(0.25, 1.0),
    strings: random.integer(4, 7),
    pegs: random.uniform(0.012, 0.02),
    hands: random.next() < 0.8,
    person: randomPerson(random, 0.45),
    rosette: random.next() < 0.6,
    guard: random.next() < 0.5,
  };
}
type GuitarPlan = ReturnType<typeof planGuitar>;

export const makeGuitar: ObjectMaker = (random, look) => {
  const plan = planGuitar(random);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.05, -0.42, 0.1, 1);
    },
    draw(brush, pose) {
      const kick = Math.sin(pose.sinceOnsetSec * 30) * 0.08 * pose.impact;
      brush.at(-0.05, 0.08, plan.angle + kick, () => {
        drawGuitarBody(brush, plan, look);
        drawGuitarNeck(brush, plan, look);
        for (let i = 0; i < plan.strings; i++) {
          const y = (i / (plan.strings - 1) - 0.5) * 0.045;
          const sway =
            Math.sin(pose.timeSec * (90 + i * 13)) *
            0.022 *
            Math.min(1, pose.loudness * 1.5) *
            (pose.impact + 0.4);
          drawString(brush, [-0.24, y], [plan.neck + 0.02, y * 0.7], sway, 0.006, look);
        }
        if (plan.hands) drawGuitarHands(brush, plan, pose);
      });
    },
  };
};

function drawGuitarBody(brush: Brush, plan: GuitarPlan, look: Look): void {
  const { lower, waist, upper } = plan;
  if (plan.electric) {
    brush.blob(
      [
        [-0.36, -lower * 0.7],
        [-0.14, -waist * 0.9],
        [0.16, -upper * 1.25],
        [0.2, -0.07],
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
    if (plan.guard)
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
    for (const x of [-0.17, -0.05]) brush.rect(x, -0.045, 0.04, 0.09, 0.01, look.dark);
    for (const x of [-0.28, -0.22]) brush.ellipse(x, lower * 0.6, 0.02, 0.02, look.third);
  } else {
    brush.blob(
      [
        [-0.4, -lower * 0.55],
        [-0.36, -lower * 1.05],
        [-0.18, -lower * 1.1],
        [-0.06, -waist * 0.75],
        [0.06, -upper * 1.15],
        [0.19, -upper * 0.95],
        [0.2, 0],
        [0.19, upper * 0.95],
        [0.06, upper * 1.15],
        [-0.06, waist * 0.75],
        [-0.18, lower * 1.1],
        [-0.36, lower * 1.05],
        [-0.4, lower * 0.55],
      ],
      look.body,
    );
    if (plan.guard)
      brush.blob(
        [
          [-0.12, 0.05],
          [0.08, 0.06],
          [0.06, 0.13],
          [-0.1, 0.15],
        ],
        look.second,
      );
    if (plan.rosette) brush.ellipse(0.02, 0, 0.095, 0.095, look.third);
    brush.ellipse(0.02, 0, 0.072, 0.072, look.dark);
  }
  brush.rect(-0.27, -0.07, 0.035, 0.14, 0.01, tone(look.second, -0.15));
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
