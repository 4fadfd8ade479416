/** Harmonicas: slid past the mouth to the hole of the pitch; the cupping hand opens with the loudness. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { css, tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawHand, randomPerson } from '../player.ts';
import { type Pose, reach } from '../pose.ts';

function planHarmonica(random: SeededRandom) {
  return {
    holes: random.integer(8, 15),
    width: random.uniform(0.56, 0.72),
    height: random.uniform(0.12, 0.18),
    curved: random.next() < 0.5,
    slots: random.integer(2, 6),
    face: random.next() < 0.75,
    person: randomPerson(random, 0),
    beard: random.next() < 0.3,
  };
}
type HarmonicaPlan = ReturnType<typeof planHarmonica>;

export const makeHarmonica: ObjectMaker = (random, look) => {
  const plan = planHarmonica(random);
  return {
    drawPlayer(brush) {
      if (plan.face) drawFace(brush, plan);
    },
    draw(brush, pose) {
      const hand = reach(pose);
      const place = Math.min(1, Math.max(0, (hand.pitchMidi - 55) / 38));
      const shift = (0.5 - place) * plan.width * 0.7;
      const nod = 0.05 * pose.impact - 0.04 * pose.loudness;
      brush.at(shift, 0.06 + nod, 0.05 * Math.sin(pose.phase * 5), () =>
        drawHarmonica(brush, plan, look, pose),
      );
    },
  };
};

/** The lower half of a face; the mouth is in the middle of the box. */
function drawFace(brush: Brush, plan: HarmonicaPlan): void {
  const { skin, hair } = plan.person;
  brush.ellipse(0, -0.14, 0.31, 0.38, skin);
  brush.blob(
    [
      [-0.34, -0.14],
      [-0.32, -0.52],
      [0, -0.6],
      [0.32, -0.52],
      [0.34, -0.14],
      [0.24, -0.36],
      [-0.24, -0.36],
    ],
    hair,
  );
  for (const side of [-1, 1]) {
    brush.ellipse(side * 0.12, -0.22, 0.03, 0.02, { hue: 0, saturation: 0, lightness: 0.1 });
    brush.hair(
      [
        [side * 0.06, -0.28],
        [side * 0.17, -0.29],
      ],
      0.018,
      hair,
    );
  }
  brush.limb(0, -0.18, 0.02, -0.07, 0.03, tone(skin, -0.07));
  if (plan.beard) brush.ellipse(0, 0.16, 0.2, 0.14, hair);
}

function drawHarmonica(brush: Brush, plan: HarmonicaPlan, look: Look, pose: Pose): void {
  const { width, height, holes } = plan;
  const half = width / 2;
  const bend = plan.curved ? 0.04 : 0;
  brush.blob(
    [
      [-half, -height * 0.55],
      [-half * 0.5, -height * 0.6 - bend],
      [half * 0.5, -height * 0.6 - bend],
      [half, -height * 0.55],
      [half * 1.06, 0],
      [half, height * 0.6],
      [half * 0.5, height * 0.62 + bend],
      [-half * 0.5, height * 0.62 + bend],
      [-half, height * 0.6],
      [-half * 1.06, 0],
    ],
    look.body,
  );
  brush.rect(-half * 0.94, -height * 0.18, width * 0.94, height * 0.36, 0.008, look.second);
  const size = (width * 0.9) / holes;
  const blown = Math.floor(Math.min(0.99, Math.max(0, (pose.pitchMidi - 55) / 38)) * holes);
  for (let hole = 0; hole < holes; hole++) {
    const sounds = hole === blown && pose.timeSec < (pose.events[pose.eventIndex]?.endSec ?? 0);
    const colour = sounds ? tone(look.third, 0.15) : look.dark;
    brush.rect(
      -half * 0.9 + hole * size + size * 0.14,
      -height * 0.11,
      size * 0.72,
      height * 0.22,
      0.004,
      colour,
    );
  }
  for (let slot = 0; slot < plan.slots; slot++)
    brush.hair(
      [
        [-half * 0.6, height * (0.3 + slot * 0.06)],
        [half * 0.6, height * (0.3 + slot * 0.06)],
      ],
      0.006,
      look.third,
    );
  drawHand(brush, plan.person, -half * 0.8, height * 0.1, 0.25, 0.17, [-half - 0.2, 0.4]);
  const open = 0.15 + 0.9 * pose.loudness;
  brush.at(half * 0.98, height * 0.9, -0.5 * open, () =>
    drawHand(brush, plan.person, 0.0, -height * 0.4, Math.PI - 0.25, 0.19, [0.24, 0.3]),
  );
  if (pose.loudness > 0.1) drawBreath(brush, half, height, look, pose);
}

/** Air between the hands, moving with the sound. */
function drawBreath(brush: Brush, half: number, height: number, look: Look, pose: Pose): void {
  for (let ring = 0; ring < 3; ring++) {
    const age = (pose.phase * 3 + ring / 3) % 1;
    brush.ctx.beginPath();
    brush.ctx.arc(half * 0.3, height * 0.8, 0.04 + 0.2 * age, 0.2, Math.PI * 0.6);
    brush.ctx.lineWidth = 0.014;
    brush.ctx.strokeStyle = css(look.light, pose.loudness * (1 - age));
    brush.ctx.stroke();
  }
}
