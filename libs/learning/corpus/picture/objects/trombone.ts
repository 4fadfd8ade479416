/** Trombones: the slide goes out with lower pitches of each partial, as a player's does, and sways with the breath. */
import type { SeededRandom } from '#core/random';
import type { Brush } from '../brush.ts';
import { taperedTube, tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawFigure, drawHand, randomPerson } from '../player.ts';
import { type Pose, smooth } from '../pose.ts';
import { sway } from './fingering.ts';

/** MIDI numbers of the partials in first position; a pitch is played from the next one above it. */
const PARTIALS = [46, 53, 58, 62, 65, 68, 70, 72, 74, 77];
const POSITIONS = 7;

function planTrombone(random: SeededRandom) {
  return {
    bell: random.uniform(0.14, 0.19),
    tube: random.uniform(0.026, 0.036),
    gap: random.uniform(0.13, 0.17),
    angle: random.uniform(-0.15, 0.2),
    counterweight: random.next() < 0.5,
    person: randomPerson(random, 0.55),
    hands: random.next() < 0.85,
  };
}
type TrombonePlan = ReturnType<typeof planTrombone>;

export const makeTrombone: ObjectMaker = (random, look) => {
  const plan = planTrombone(random);
  return {
    drawPlayer(brush) {
      if (plan.person.seen) drawFigure(brush, plan.person, -0.4, -0.14, 0.12, 1);
    },
    draw(brush, pose) {
      brush.at(-0.28, 0, plan.angle + sway(pose), () =>
        brush.at(0.28, 0, 0, () => drawTrombone(brush, plan, look, pose)),
      );
    },
  };
};

/** How far the slide is out for a pitch, 0..1. */
function slideOf(pitchMidi: number): number {
  const partial = PARTIALS.find((each) => each >= pitchMidi) ?? pitchMidi;
  return Math.min(POSITIONS - 1, partial - pitchMidi) / (POSITIONS - 1);
}

/** The slide reaches its place at the onset. */
function slideAt(pose: Pose): number {
  const next = pose.events[pose.eventIndex + 1];
  const now = pose.eventIndex < 0 ? 0 : slideOf(pose.pitchMidi);
  if (!next) return now;
  return now + (slideOf(next.pitchMidi ?? 60) - now) * smooth(1 - pose.untilOnsetSec / 0.16);
}

function drawTrombone(brush: Brush, plan: TrombonePlan, look: Look, pose: Pose): void {
  const { tube, gap, bell } = plan;
  const out = 0.01 + 0.26 * slideAt(pose);
  // The bell's section goes back over the shoulder and round.
  brush.curve(
    [
      [-0.16, 0],
      [-0.36, 0],
      [-0.5, -0.01],
      [-0.52, -gap / 2],
      [-0.5, -gap],
      [-0.3, -gap],
      [-0.1, -gap],
    ],
    tube * 1.1,
    tone(look.body, -0.05),
  );
  brush.polygon(
    taperedTube([
      [-0.12, -gap, tube * 0.55],
      [0.06, -gap, tube * 0.8],
      [0.18, -gap, tube * 1.6],
      [0.25, -gap, bell * 0.6],
      [0.29, -gap, bell],
    ]),
    look.body,
  );
  brush.ellipse(0.295, -gap, 0.03, bell, tone(look.body, -0.2));
  if (plan.counterweight) brush.ellipse(-0.53, -gap / 2, 0.035, 0.06, look.second);
  for (const y of [0.03, gap * 0.9]) brush.limb(-0.2, y, 0.2, y, tube * 0.7, tone(look.light, -0.05));
  brush.curve(
    [
      [-0.12 + out, 0.03],
      [0.24 + out, 0.03],
      [0.29 + out, 0.03],
      [0.3 + out, gap * 0.45],
      [0.29 + out, gap * 0.9],
      [0.24 + out, gap * 0.9],
      [-0.12 + out, gap * 0.9],
    ],
    tube,
    look.third,
  );
  brush.limb(-0.14 + out, 0.03, -0.14 + out, gap * 0.9, tube * 0.8, look.second);
  brush.limb(-0.2, 0.03, -0.2, gap * 0.9, tube * 0.8, look.second);
  brush.polygon(
    [
      [-0.29, 0.0],
      [-0.29, 0.06],
      [-0.22, 0.045],
      [-0.22, 0.015],
    ],
    look.dark,
  );
  if (!plan.hands) return;
  drawHand(brush, plan.person, -0.18, gap * 0.5, -0.3, 0.13, [-0.36, 0.4]);
  drawHand(brush, plan.person, -0.1 + out, gap * 0.62, -0.2, 0.13, [-0.22 + out * 0.5, 0.42]);
}
