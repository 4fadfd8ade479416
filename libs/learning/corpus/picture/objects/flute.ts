/** Flutes: piccolo, concert flute, recorder, pan pipes. Fingers move at the events, the instrument sways. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import { type Pose, reach } from '../pose.ts';
import { keyDown, sway } from './fingering.ts';

function planFlute(random: SeededRandom, asked: string) {
  const form = chooseForm(random, asked, ['piccolo', 'concert', 'pan'], ['recorder']);
  return {
    form,
    thickness: random.uniform(0.05, 0.072),
    angle: random.uniform(-0.35, 0.25),
    keys: random.integer(6, 11),
    keySize: random.uniform(0.024, 0.034),
    joints: random.integer(1, 4),
    wooden: form === 'piccolo' || form === 'recorder',
    pipes: random.integer(7, 13),
    person: randomPerson(random, 0.65),
    hands: random.next() < 0.9,
  };
}
type FlutePlan = ReturnType<typeof planFlute>;

export const makeFlute: ObjectMaker = (random, look, form) => {
  const plan = planFlute(random, form);
  return {
    drawPlayer(brush) {
      if (!plan.person.seen) return;
      if (plan.form === 'pan') drawFigure(brush, plan.person, 0, -0.28, 0.13, 0);
      else drawFigure(brush, plan.person, -0.33, -0.13, 0.15, 0.4);
    },
    draw(brush, pose) {
      if (plan.form === 'pan') return drawPanPipes(brush, plan, look, pose);
      const angle = plan.form === 'recorder' ? plan.angle + 0.75 : plan.angle;
      brush.at(-0.35, 0, angle + sway(pose), () =>
        brush.at(0.35, 0, 0, () => {
          if (plan.form === 'recorder') drawRecorder(brush, plan, look, pose);
          else drawFlute(brush, plan, look, pose);
        }),
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

function drawFluteFingers(brush: Brush, person: FlutePlan['person'], plan: FlutePlan, pose: Pose): void {
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

/** A recorder, blown at its end: a beak, a window, a foot, holes under the fingers. */
function drawRecorder(brush: Brush, plan: FlutePlan, look: Look, pose: Pose): void {
  const wide = plan.thickness;
  brush.polygon(
    [
      [-0.54, wide * 0.1],
      [-0.44, -wide * 0.75],
      [-0.2, -wide * 0.75],
      [0.38, -wide * 0.5],
      [0.4, -wide * 0.85],
      [0.52, -wide * 0.6],
      [0.52, wide * 0.6],
      [0.4, wide * 0.85],
      [0.38, wide * 0.5],
      [-0.2, wide * 0.75],
      [-0.44, wide * 0.75],
    ],
    look.body,
  );
  brush.rect(-0.36, -wide * 0.35, 0.05, wide * 0.7, 0.005, look.dark);
  brush.rect(-0.24, -wide * 0.95, 0.05, wide * 1.9, 0.015, look.third);
  for (let hole = 0; hole < 7; hole++) brush.ellipse(-0.14 + hole * 0.075, 0, 0.016, 0.016, look.dark);
  if (plan.hands) {
    for (const [x, first] of [
      [-0.07, 0],
      [0.19, 3],
    ] as const) {
      brush.limb(x + 0.02, wide * 1.4, x - 0.1, 0.34, 0.1, plan.person.sleeve);
      for (let finger = 0; finger < 3; finger++) {
        const lift = (1 - keyDown(pose, finger + first)) * 0.07;
        const at = x - 0.07 + finger * 0.075;
        brush.limb(at, wide * 1.5, at, -lift, 0.042, plan.person.skin);
      }
    }
  }
}

/** Pan pipes slide past the mouth: the pipe of the pitch lies in the middle. */
function drawPanPipes(brush: Brush, plan: FlutePlan, look: Look, pose: Pose): void {
  const { pitchMidi, lift } = reach(pose);
  const width = 0.62 / plan.pipes;
  const place = Math.min(1, Math.max(0, (pitchMidi - 57) / 27));
  const shift = (0.5 - place) * 0.34;
  brush.at(shift, -0.16 + 0.06 * lift - 0.03 * pose.loudness, sway(pose) * 0.6, () => {
    for (let pipe = 0; pipe < plan.pipes; pipe++) {
      const length = 0.52 - (0.36 * pipe) / (plan.pipes - 1);
      const x = -0.31 + pipe * width;
      brush.rect(x, 0, width * 0.92, length, width * 0.3, pipe % 2 ? look.body : tone(look.body, 0.07));
      brush.ellipse(x + width * 0.46, 0.005, width * 0.38, width * 0.16, look.dark);
    }
    brush.rect(-0.34, 0.08, 0.68, 0.055, 0.01, look.second);
    if (plan.hands)
      for (const side of [-1, 1])
        drawHand(brush, plan.person, side * 0.32, 0.14, side > 0 ? Math.PI : 0, 0.12, [side * 0.5, 0.4]);
  });
}
