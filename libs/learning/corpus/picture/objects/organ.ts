/** Organs: a case of pipes, a console with draw bars, a harmonium whose bellows are trodden. Keys go down. */
import type { SeededRandom } from '#core/random';
import type { Brush, Colour } from '../brush.ts';
import { css, tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawHand, randomPerson } from '../player.ts';
import { type Pose, reach, recentEvents, stroke } from '../pose.ts';

const LOWEST_MIDI = 36;
const HIGHEST_MIDI = 86;

function planOrgan(random: SeededRandom, form: string) {
  return {
    form: chooseForm(random, form, ['pipes', 'console'], ['harmonium']),
    pipes: random.integer(9, 16),
    towers: random.next() < 0.5,
    manuals: random.integer(1, 3),
    keys: random.integer(14, 21),
    bars: random.integer(5, 9),
    hands: random.next() < 0.7,
    person: randomPerson(random, 0),
  };
}
type OrganPlan = ReturnType<typeof planOrgan>;

export const makeOrgan: ObjectMaker = (random, look, form) => {
  const plan = planOrgan(random, form);
  return {
    draw(brush, pose) {
      if (plan.form === 'pipes') drawPipes(brush, plan, look, pose);
      else if (plan.form === 'console') drawConsole(brush, plan, look, pose);
      else drawHarmonium(brush, look, pose);
      const top = plan.form === 'pipes' ? 0.26 : 0.0;
      for (let manual = 0; manual < plan.manuals; manual++)
        drawManual(brush, plan, look, pose, top + manual * 0.09);
      if (plan.hands) drawHands(brush, plan, pose, top + (plan.manuals - 1) * 0.09);
    },
  };
};

/** The place of a pitch between the ends of the keyboard, 0..1. */
function placeOf(pitchMidi: number): number {
  return Math.min(0.98, Math.max(0.02, (pitchMidi - LOWEST_MIDI) / (HIGHEST_MIDI - LOWEST_MIDI)));
}

/** How strongly the part `index` of `count` sounds, 0..1, low pitches first. */
function sounding(pose: Pose, index: number, count: number): number {
  let strongest = 0;
  for (const { event } of recentEvents(pose, 4)) {
    if (Math.floor(placeOf(event.pitchMidi ?? 60) * count) !== index) continue;
    const release = Math.max(0, 1 - Math.max(0, pose.timeSec - event.endSec) / 0.1);
    strongest = Math.max(strongest, release);
  }
  return strongest;
}

/** Pipes open their mouths and breathe out light where they speak. */
function drawPipes(brush: Brush, plan: OrganPlan, look: Look, pose: Pose): void {
  brush.rect(-0.48, 0.12, 0.96, 0.36, 0.02, look.body);
  const width = 0.92 / plan.pipes;
  for (let pipe = 0; pipe < plan.pipes; pipe++) {
    const x = -0.46 + (pipe + 0.5) * width;
    const t = plan.towers ? Math.abs(pipe / (plan.pipes - 1) - 0.5) * 2 : pipe / (plan.pipes - 1);
    const height = plan.towers ? 0.32 + 0.27 * t : 0.6 - 0.32 * t;
    const loud = sounding(pose, pipe, plan.pipes) * (0.4 + 0.6 * pose.loudness);
    const metal: Colour = tone(look.light, -0.08 + 0.06 * (pipe % 2));
    const tremble = loud * 0.01 * Math.sin(pose.timeSec * 110);
    brush.rect(x - width * 0.44 + tremble, 0.14 - height, width * 0.88, height, width * 0.2, metal);
    brush.rect(x - width * 0.3, 0.02, width * 0.6, 0.03 + 0.05 * loud, 0.006, look.dark);
    if (loud < 0.05) continue;
    brush.ctx.beginPath();
    brush.ctx.ellipse(x, 0.12 - height - 0.05 * loud, width * 0.5, 0.02 + 0.07 * loud, 0, 0, Math.PI * 2);
    brush.ctx.fillStyle = css(tone(look.third, 0.2), 0.75 * loud);
    brush.ctx.fill();
  }
  brush.rect(-0.5, 0.1, 1, 0.05, 0.01, look.second);
  brush.rect(-0.42, 0.22, 0.84, 0.02 + 0.1 * plan.manuals, 0.01, tone(look.body, -0.1));
}

/** A spinet console on legs; its speaker's rotor turns with the sound. */
function drawConsole(brush: Brush, plan: OrganPlan, look: Look, pose: Pose): void {
  brush.rect(-0.46, -0.3, 0.92, 0.3 + 0.12 * plan.manuals, 0.02, look.body);
  brush.rect(-0.5, -0.33, 1, 0.05, 0.015, tone(look.body, 0.08));
  for (const x of [-0.44, 0.36]) brush.rect(x, 0.1, 0.08, 0.38, 0.01, look.body);
  brush.rect(-0.36, 0.42, 0.72, 0.04, 0.01, look.second);
  for (let pedal = 0; pedal < 8; pedal++) {
    const down = sounding(pose, pedal, 8) * 0.02;
    brush.rect(-0.33 + pedal * 0.085, 0.36 + down, 0.04, 0.1, 0.01, look.light);
  }
  for (let bar = 0; bar < plan.bars; bar++) {
    const length = 0.03 + 0.06 * (0.5 + 0.5 * Math.sin(bar * 2.3)) + 0.05 * pose.loudness;
    brush.rect(-0.4 + bar * 0.045, -0.2, 0.026, length, 0.006, bar % 2 ? look.third : look.light);
  }
  brush.ellipse(0.28, -0.15, 0.12, 0.12, look.dark);
  for (let blade = 0; blade < 3; blade++) {
    const angle = pose.spin * 11 + (blade * Math.PI * 2) / 3;
    brush.limb(0.28, -0.15, 0.28 + Math.cos(angle) * 0.1, -0.15 + Math.sin(angle) * 0.1, 0.035, look.third);
  }
}

/** A reed organ: a fretwork front, and two treadles that go down in turn as the bellows are filled. */
function drawHarmonium(brush: Brush, look: Look, pose: Pose): void {
  const tread = stroke(pose);
  brush.polygon(
    [
      [-0.4, -0.28],
      [-0.3, -0.42],
      [0.3, -0.42],
      [0.4, -0.28],
    ],
    look.second,
  );
  brush.rect(-0.42, -0.3, 0.84, 0.78, 0.02, look.body);
  for (let arch = 0; arch < 5; arch++) {
    brush.ellipse(-0.3 + arch * 0.15, -0.16, 0.055, 0.09, tone(look.body, -0.16));
    brush.ellipse(-0.3 + arch * 0.15, -0.16, 0.025, 0.05, look.third);
  }
  const swell = 0.05 * (1 + tread) * 0.5 + 0.03 * pose.loudness;
  for (let pleat = 0; pleat < 4; pleat++)
    brush.rect(-0.32, 0.2 + pleat * (0.02 + swell * 0.4), 0.64, 0.02, 0.008, tone(look.second, pleat * 0.04));
  for (const side of [-1, 1])
    brush.polygon(
      [
        [side * 0.16 - 0.1, 0.42 + side * tread * 0.05],
        [side * 0.16 + 0.1, 0.42 + side * tread * 0.05],
        [side * 0.16 + 0.12, 0.5],
        [side * 0.16 - 0.12, 0.5],
      ],
      look.third,
    );
}

function drawManual(brush: Brush, plan: OrganPlan, look: Look, pose: Pose, top: number): void {
  const width = 0.8 / plan.keys;
  brush.rect(-0.42, top - 0.012, 0.84, 0.095, 0.008, look.dark);
  for (let key = 0; key < plan.keys; key++) {
    const down = sounding(pose, key, plan.keys);
    const colour = down > 0.1 ? look.third : look.light;
    brush.rect(-0.4 + key * width, top + 0.016 * down, width * 0.92, 0.075, 0.005, colour);
    if (key % 7 !== 2 && key % 7 !== 6 && key + 1 < plan.keys)
      brush.rect(-0.4 + (key + 0.74) * width, top, width * 0.5, 0.042, 0.003, look.dark);
  }
}

function drawHands(brush: Brush, plan: OrganPlan, pose: Pose, top: number): void {
  for (const side of [-1, 1] as const) {
    const hand = reach(pose, (event) => ((event.pitchMidi ?? 60) >= 60 ? 1 : -1) === side);
    const idle = hand.sinceSec > 90 && hand.untilSec > 90;
    const x = idle ? side * 0.25 : -0.4 + placeOf(hand.pitchMidi) * 0.8;
    const y = top + 0.09 - hand.lift * 0.12;
    drawHand(brush, plan.person, x, y, -Math.PI / 2 - side * 0.15, 0.12, [x * 0.8 + side * 0.1, y + 0.32]);
  }
}
