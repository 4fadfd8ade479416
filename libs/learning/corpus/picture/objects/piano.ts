/** Pianos: an upright, a grand seen from the front, or a stage keyboard; keys go down where the pitch lies. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { reach, recentEvents } from '../pose.ts';

const LOWEST_MIDI = 36;
const HIGHEST_MIDI = 96;
const SPLIT_MIDI = 60;

function planPiano(random: SeededRandom, form: string) {
  return {
    form: chooseForm(random, form, ['upright', 'grand', 'stage'], ['spinet']),
    whiteKeys: random.integer(12, 20),
    keysTop: random.uniform(0.0, 0.08),
    keysHeight: random.uniform(0.15, 0.22),
    tall: random.uniform(0.34, 0.46),
    panels: random.integer(1, 4),
    hands: random.next() < 0.75,
    handSize: random.uniform(0.11, 0.15),
    person: randomPerson(random, 0),
    musicStand: random.next() < 0.6,
  };
}
type PianoPlan = ReturnType<typeof planPiano>;

export const makePiano: ObjectMaker = (random, look, form) => {
  const plan = planPiano(random, form);
  return {
    draw(brush, pose) {
      if (plan.form === 'upright') drawUpright(brush, plan, look);
      else if (plan.form === 'grand') drawGrand(brush, plan, look);
      else if (plan.form === 'spinet') drawSpinet(brush, plan, look);
      else drawStage(brush, plan, look);
      drawKeys(brush, plan, look, pose);
      if (plan.hands) drawHands(brush, plan, pose);
    },
  };
};

function drawUpright(brush: Brush, plan: PianoPlan, look: Look): void {
  brush.rect(-0.47, -plan.tall, 0.94, plan.tall + 0.46, 0.02, look.body);
  brush.rect(-0.5, -plan.tall - 0.03, 1, 0.06, 0.02, tone(look.body, 0.08));
  const width = 0.86 / plan.panels;
  for (let i = 0; i < plan.panels; i++) {
    brush.rect(
      -0.43 + i * width,
      -plan.tall + 0.08,
      width - 0.02,
      plan.tall - 0.14,
      0.02,
      tone(look.body, -0.08),
    );
  }
  if (plan.musicStand) drawSheet(brush, look, -0.12);
  brush.rect(-0.5, plan.keysTop - 0.03, 1, plan.keysHeight + 0.09, 0.02, tone(look.body, 0.05));
  for (const x of [-0.46, 0.38])
    brush.rect(x, plan.keysTop + plan.keysHeight + 0.05, 0.08, 0.25, 0.01, look.body);
  for (const x of [-0.05, 0.05]) brush.ellipse(x, 0.44, 0.035, 0.018, look.third);
}

function drawGrand(brush: Brush, plan: PianoPlan, look: Look): void {
  brush.blob(
    [
      [-0.52, plan.keysTop],
      [-0.5, -plan.tall],
      [-0.1, -plan.tall - 0.1],
      [0.2, -plan.tall + 0.14],
      [0.5, -plan.tall + 0.2],
      [0.52, plan.keysTop],
    ],
    tone(look.body, -0.1),
  );
  brush.polygon(
    [
      [-0.45, plan.keysTop - 0.03],
      [-0.42, -plan.tall + 0.1],
      [-0.1, -plan.tall + 0.05],
      [0.2, -plan.tall + 0.22],
      [0.42, plan.keysTop - 0.03],
    ],
    tone(look.second, 0.1),
  );
  for (let i = 0; i < 12; i++) {
    const x = -0.36 + i * 0.058;
    brush.hair(
      [
        [x, plan.keysTop - 0.04],
        [x - 0.01, -plan.tall + 0.14 + i * 0.018],
      ],
      0.006,
      look.dark,
      0.6,
    );
  }
  if (plan.musicStand) drawSheet(brush, look, -0.1);
  brush.rect(-0.5, plan.keysTop - 0.05, 1, plan.keysHeight + 0.12, 0.04, look.body);
  for (const x of [-0.44, -0.04, 0.36]) {
    brush.polygon(
      [
        [x, plan.keysTop + plan.keysHeight + 0.07],
        [x + 0.08, plan.keysTop + plan.keysHeight + 0.07],
        [x + 0.06, 0.48],
        [x + 0.02, 0.48],
      ],
      look.body,
    );
  }
}

/** A small old house piano: scrolled top, fretwork, candlesticks, turned legs. */
function drawSpinet(brush: Brush, plan: PianoPlan, look: Look): void {
  const { tall, keysTop, keysHeight } = plan;
  brush.blob(
    [
      [-0.44, keysTop],
      [-0.46, -tall * 0.8],
      [-0.2, -tall * 0.75],
      [0, -tall * 1.15],
      [0.2, -tall * 0.75],
      [0.46, -tall * 0.8],
      [0.44, keysTop],
    ],
    look.body,
  );
  for (let i = 0; i < 5; i++)
    brush.ellipse(-0.26 + i * 0.13, -tall * 0.38, 0.05, 0.09, tone(look.second, (i % 2) * 0.1));
  for (const x of [-0.4, 0.4]) {
    brush.limb(x, -tall * 0.35, x, -tall * 0.6, 0.022, look.third);
    brush.ellipse(x, -tall * 0.35, 0.05, 0.018, look.third);
    brush.ellipse(x, -tall * 0.66, 0.018, 0.035, look.light);
  }
  brush.rect(-0.5, keysTop - 0.03, 1, keysHeight + 0.09, 0.04, look.body);
  for (const x of [-0.4, 0.4]) {
    for (let bead = 0; bead < 4; bead++)
      brush.ellipse(x, keysTop + keysHeight + 0.1 + bead * 0.075, 0.045 - bead * 0.006, 0.045, look.body);
  }
}

function drawStage(brush: Brush, plan: PianoPlan, look: Look): void {
  const bottom = plan.keysTop + plan.keysHeight;
  brush.limb(-0.34, bottom + 0.02, 0.28, 0.46, 0.035, look.third);
  brush.limb(0.34, bottom + 0.02, -0.28, 0.46, 0.035, look.third);
  brush.rect(-0.5, plan.keysTop - 0.16, 1, plan.keysHeight + 0.22, 0.03, look.body);
  brush.rect(-0.12, plan.keysTop - 0.13, 0.24, 0.07, 0.01, look.second);
  for (let i = 0; i < 6; i++) {
    brush.ellipse(-0.42 + i * 0.05, plan.keysTop - 0.09, 0.016, 0.016, look.third);
    brush.ellipse(0.18 + i * 0.05, plan.keysTop - 0.09, 0.016, 0.016, look.second);
  }
}

function drawSheet(brush: Brush, look: Look, y: number): void {
  brush.rect(-0.16, y - 0.16, 0.32, 0.2, 0.005, look.light);
  for (let line = 0; line < 5; line++) {
    brush.hair(
      [
        [-0.13, y - 0.12 + line * 0.03],
        [0.13, y - 0.12 + line * 0.03],
      ],
      0.005,
      look.dark,
      0.7,
    );
  }
}

/** The place of a pitch along the keyboard, -0.46..0.46. */
function keyX(pitchMidi: number): number {
  const place = (pitchMidi - LOWEST_MIDI) / (HIGHEST_MIDI - LOWEST_MIDI);
  return (Math.min(0.985, Math.max(0.015, place)) - 0.5) * 0.92;
}

function drawKeys(brush: Brush, plan: PianoPlan, look: Look, pose: Pose): void {
  const width = 0.92 / plan.whiteKeys;
  const pressed = new Map<number, number>();
  for (const { event, freshness } of recentEvents(pose, 0.9)) {
    const key = Math.floor((keyX(event.pitchMidi ?? 60) + 0.46) / width);
    const held = pose.timeSec < event.endSec ? 1 : Math.max(0, 1 - (pose.timeSec - event.endSec) / 0.08);
    pressed.set(key, Math.max(pressed.get(key) ?? 0, held * (0.5 + 0.5 * freshness)));
  }
  brush.rect(-0.47, plan.keysTop - 0.01, 0.94, plan.keysHeight + 0.03, 0.005, look.dark);
  for (let key = 0; key < plan.whiteKeys; key++) {
    const down = pressed.get(key) ?? 0;
    const colour = down > 0 ? { ...look.third, lightness: 0.5 + 0.4 * (1 - down) } : look.light;
    brush.rect(
      -0.46 + key * width + 0.002,
      plan.keysTop + down * 0.035,
      width - 0.004,
      plan.keysHeight,
      0.006,
      colour,
    );
  }
  for (let key = 0; key < plan.whiteKeys - 1; key++) {
    if (key % 7 === 2 || key % 7 === 6) continue;
    brush.rect(
      -0.46 + (key + 1) * width - width * 0.28,
      plan.keysTop,
      width * 0.56,
      plan.keysHeight * 0.6,
      0.004,
      look.dark,
    );
  }
}

function drawHands(brush: Brush, plan: PianoPlan, pose: Pose): void {
  for (const side of [-1, 1] as const) {
    const hand = reach(pose, (event) => ((event.pitchMidi ?? 60) >= SPLIT_MIDI ? 1 : -1) === side);
    const idle = hand.sinceSec > 90 && hand.untilSec > 90;
    const x = idle ? side * 0.25 : keyX(hand.pitchMidi);
    const y = plan.keysTop + plan.keysHeight * 0.72 - hand.lift * 0.24 + plan.handSize * 0.3;
    drawHand(brush, plan.person, x, y, -Math.PI / 2 - side * 0.15, plan.handSize, [
      x * 0.8 + side * 0.12,
      y + 0.34,
    ]);
  }
}
