/** Wind instruments: trumpet, saxophone, flute. Valves, keys and fingers move at the events; the instrument sways. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import { taperedTube, tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import type { Person } from '../player.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { smooth } from '../pose.ts';

/** How far key `index` is down (0..1): each pitch has its own fingering, taken up within 60 ms around the onset. */
function keyDown(pose: Pose, index: number): number {
  const fingering = (pitchMidi: number) => ((Math.round(pitchMidi) * 2654435761) >>> (index * 3 + 4)) & 1;
  const sounding = pose.loudness > 0.03 ? 1 : 0.2;
  const next = pose.events[pose.eventIndex + 1];
  const now = pose.eventIndex < 0 ? 0 : fingering(pose.pitchMidi) * sounding;
  if (!next || pose.untilOnsetSec > 0.06) return now;
  return now + (fingering(next.pitchMidi ?? 60) - now) * smooth(1 - pose.untilOnsetSec / 0.06);
}

/** The player's breath and swing: a nod at every onset, a slow sway while it sounds. */
function sway(pose: Pose): number {
  return 0.05 * Math.sin(pose.phase * 4) - 0.09 * pose.impact - 0.06 * pose.loudness;
}

function planTrumpet(random: SeededRandom) {
  return {
    bell: random.uniform(0.13, 0.18),
    loopHeight: random.uniform(0.11, 0.16),
    tube: random.uniform(0.03, 0.042),
    valves: random.next() < 0.9 ? 3 : 4,
    valveHeight: random.uniform(0.2, 0.26),
    angle: random.uniform(-0.25, 0.15),
    person: randomPerson(random, 0.55),
    hands: random.next() < 0.8,
  };
}
type TrumpetPlan = ReturnType<typeof planTrumpet>;

export const makeTrumpet: ObjectMaker = (random, look) => {
  const plan = planTrumpet(random);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.54, -0.1, 0.14, 1);
    },
    draw(brush, pose) {
      brush.at(-0.4, 0, plan.angle + sway(pose), () =>
        brush.at(0.4, 0, 0, () => drawTrumpet(brush, plan, look, pose)),
      );
    },
  };
};

function drawTrumpet(brush: Brush, plan: TrumpetPlan, look: Look, pose: Pose): void {
  const { tube, loopHeight } = plan;
  if (plan.hands) drawHand(brush, plan.person, 0.0, loopHeight * 0.8, -Math.PI / 2 + 0.3, 0.13, [-0.2, 0.42]);
  brush.curve(
    [
      [-0.3, loopHeight],
      [-0.3, loopHeight],
      [0.16, loopHeight],
      [0.27, loopHeight],
      [0.27, 0],
      [0.16, 0],
      [-0.42, 0],
    ],
    tube,
    tone(look.body, -0.06),
  );
  brush.curve(
    [
      [0.2, -0.035],
      [-0.2, -0.035],
      [-0.34, -0.035],
      [-0.34, loopHeight],
      [-0.2, loopHeight],
      [0, loopHeight],
    ],
    tube,
    look.body,
  );
  brush.polygon(
    taperedTube([
      [0, -0.035, tube * 0.5],
      [0.2, -0.035, tube * 0.6],
      [0.34, -0.035, tube * 1.1],
      [0.42, -0.035, plan.bell * 0.5],
      [0.47, -0.035, plan.bell],
    ]),
    look.body,
  );
  brush.ellipse(0.475, -0.035, 0.03, plan.bell, tone(look.body, -0.2));
  brush.polygon(
    [
      [-0.5, -0.035],
      [-0.5, 0.035],
      [-0.46, 0.03],
      [-0.4, 0.015],
      [-0.4, -0.015],
      [-0.46, -0.03],
    ],
    look.third,
  );
  for (let valve = 0; valve < plan.valves; valve++) {
    const x = -0.1 + valve * 0.075;
    const down = keyDown(pose, valve) * 0.055;
    brush.limb(x, -0.13 + down, x, -0.02, 0.016, look.light);
    brush.rect(x - 0.03, -0.15 + down, 0.06, 0.025, 0.01, look.third);
    brush.rect(x - 0.031, -0.09, 0.062, plan.valveHeight, 0.015, look.second);
    if (plan.hands) {
      brush.curve(
        [
          [x + 0.06, -0.26],
          [x + 0.02, -0.24 + down * 0.5],
          [x, -0.16 + down],
        ],
        0.035,
        plan.person.skin,
      );
    }
  }
  if (plan.hands) {
    brush.ellipse(0.06, -0.27, 0.11, 0.06, plan.person.skin);
    brush.limb(0.12, -0.28, 0.26, -0.34, 0.09, plan.person.sleeve);
  }
}

function planSaxophone(random: SeededRandom) {
  return {
    bellRadius: random.uniform(0.13, 0.17),
    bellX: random.uniform(0.24, 0.3),
    bow: random.uniform(0.36, 0.41),
    thickness: random.uniform(0.85, 1.2),
    angle: random.uniform(-0.25, 0.2),
    keys: random.integer(5, 8),
    person: randomPerson(random, 0.5),
    hands: random.next() < 0.75,
  };
}
type SaxophonePlan = ReturnType<typeof planSaxophone>;

export const makeSaxophone: ObjectMaker = (random, look) => {
  const plan = planSaxophone(random);
  const k = plan.thickness;
  const body = taperedTube([
    [-0.12, -0.36, 0.026 * k],
    [-0.1, -0.2, 0.036 * k],
    [-0.07, 0.05, 0.05 * k],
    [-0.03, 0.28, 0.066 * k],
    [0.07, plan.bow, 0.075 * k],
    [0.18, 0.26, 0.084 * k],
    [plan.bellX - 0.04, 0.08, 0.1 * k],
    [plan.bellX + 0.03, -0.06, plan.bellRadius],
  ]);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.42, -0.4, 0.12, 1);
    },
    draw(brush, pose) {
      brush.at(-0.2, -0.36, plan.angle + sway(pose), () =>
        brush.at(0.2, 0.36, 0, () => drawSaxophone(brush, plan, body, look, pose)),
      );
    },
  };
};

function drawSaxophone(brush: Brush, plan: SaxophonePlan, body: Point[], look: Look, pose: Pose): void {
  brush.ellipse(plan.bellX + 0.04, -0.07, plan.bellRadius, 0.05, tone(look.body, -0.25), 0.45);
  brush.polygon(body, look.body);
  brush.curve(
    [
      [-0.12, -0.37],
      [-0.13, -0.47],
      [-0.24, -0.46],
      [-0.3, -0.42],
    ],
    0.04,
    look.body,
  );
  brush.limb(-0.29, -0.425, -0.37, -0.375, 0.045, look.dark);
  brush.hair(
    [
      [-0.05, -0.3],
      [0.02, 0.05],
      [0.04, 0.25],
    ],
    0.014,
    look.third,
  );
  for (let key = 0; key < plan.keys; key++) {
    const t = key / (plan.keys - 1);
    const down = keyDown(pose, key);
    const x = -0.1 + t * 0.07 + 0.02 - (1 - down) * 0.025;
    const radius = 0.026 + t * 0.016;
    brush.ellipse(
      x,
      -0.26 + t * 0.52,
      radius,
      radius * (1 - 0.25 * down),
      down > 0.5 ? tone(look.third, -0.12) : look.third,
    );
  }
  brush.ellipse(plan.bellX - 0.06, 0.12, 0.045, 0.045, look.second);
  if (!plan.hands) return;
  const twitch = keyDown(pose, 1) * 0.02;
  drawHand(brush, plan.person, -0.11 + twitch, -0.16, 0.15, 0.13, [-0.42, 0.0]);
  drawHand(brush, plan.person, -0.05 + keyDown(pose, 3) * 0.02, 0.12, 0.1, 0.13, [-0.38, 0.24]);
}

function planFlute(random: SeededRandom) {
  return {
    thickness: random.uniform(0.05, 0.072),
    angle: random.uniform(-0.35, 0.25),
    keys: random.integer(6, 11),
    keySize: random.uniform(0.024, 0.034),
    joints: random.integer(1, 4),
    wooden: random.next() < 0.3,
    person: randomPerson(random, 0.65),
    hands: random.next() < 0.9,
  };
}
type FlutePlan = ReturnType<typeof planFlute>;

export const makeFlute: ObjectMaker = (random, look) => {
  const plan = planFlute(random);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.33, -0.13, 0.15, 0.4);
    },
    draw(brush, pose) {
      brush.at(-0.35, 0, plan.angle + sway(pose), () =>
        brush.at(0.35, 0, 0, () => drawFlute(brush, plan, look, pose)),
      );
    },
  };
};

function drawFlute(brush: Brush, plan: FlutePlan, look: Look, pose: Pose): void {
  const { thickness } = plan;
  if (plan.hands) {
    for (const [x, key] of [
      [0.0, 2],
      [0.27, 5],
    ] as const)
      brush.limb(x, thickness * 0.9, x + 0.05 * (key - 3), 0.34, 0.1, plan.person.sleeve);
  }
  brush.rect(-0.5, -thickness / 2, 1, thickness, thickness * 0.35, look.body);
  for (let joint = 0; joint < plan.joints; joint++)
    brush.rect(-0.2 + joint * 0.28, -thickness * 0.6, 0.035, thickness * 1.2, 0.008, look.third);
  brush.rect(-0.51, -thickness * 0.56, 0.045, thickness * 1.12, 0.012, look.third);
  brush.ellipse(-0.36, -thickness * 0.2, 0.065, thickness * 0.5, look.third);
  brush.ellipse(-0.36, -thickness * 0.22, 0.025, thickness * 0.2, look.dark);
  if (!plan.wooden)
    brush.hair(
      [
        [-0.14, thickness * 0.3],
        [0.46, thickness * 0.3],
      ],
      0.01,
      look.second,
    );
  for (let key = 0; key < plan.keys; key++) {
    const x = -0.12 + (key / (plan.keys - 1)) * 0.56;
    const lift = (1 - keyDown(pose, key % 7)) * 0.02;
    brush.ellipse(
      x,
      -thickness * 0.25 - lift,
      plan.keySize,
      plan.keySize * 0.75,
      plan.wooden ? look.dark : look.second,
    );
  }
  if (plan.hands) drawFluteFingers(brush, plan.person, plan, pose);
}

function drawFluteFingers(brush: Brush, person: Person, plan: FlutePlan, pose: Pose): void {
  [0.0, 0.27].forEach((handX, hand) => {
    brush.ellipse(handX, plan.thickness * 0.95, 0.09, 0.055, person.skin);
    for (let finger = 0; finger < 4; finger++) {
      const x = handX - 0.08 + finger * 0.052;
      const lift = (1 - keyDown(pose, finger + 3 * hand)) * 0.065;
      brush.curve(
        [
          [x, plan.thickness * 0.9],
          [x + 0.005, -plan.thickness * 0.9 - lift],
          [x + 0.02, -plan.thickness * 0.45 - lift],
        ],
        0.036,
        person.skin,
      );
    }
  });
}
