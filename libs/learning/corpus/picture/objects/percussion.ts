/** Struck instruments: drums with sticks or palms, and xylophones with two mallets on the bar of the pitch. */
import type { SeededRandom } from '#core/random';
import type { Brush, Colour, Point } from '../brush.ts';
import { css, tone } from '../brush.ts';
import { chooseForm, type ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { contrasting } from '../look.ts';
import type { Person } from '../player.ts';
import { drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { reach, recentEvents } from '../pose.ts';

/** A stick from the hand to its tip; `lift` 0 touches the target, 1 is fully raised. */
function drawStick(brush: Brush, target: Point, side: number, lift: number, plan: StickPlan): void {
  const { length, headRadius, stick, head, person } = plan;
  const handX = target[0] + side * length * 0.8;
  const handY = target[1] - length * 0.1 - lift * 0.08;
  const tilt = Math.atan2(target[1] - handY, target[0] - handX) + side * lift * 1.0;
  const tipX = handX + Math.cos(tilt) * length * 0.82;
  const tipY = handY + Math.sin(tilt) * length * 0.82;
  brush.limb(
    handX - Math.cos(tilt) * length * 0.15,
    handY - Math.sin(tilt) * length * 0.15,
    tipX,
    tipY,
    0.022,
    stick,
  );
  brush.ellipse(tipX, tipY, headRadius, headRadius, head);
  if (plan.hands) drawHand(brush, person, handX, handY + 0.01, tilt, 0.1, [handX + side * 0.2, handY + 0.24]);
}

interface StickPlan {
  length: number;
  headRadius: number;
  stick: Colour;
  head: Colour;
  person: Person;
  hands: boolean;
}

function planSticks(random: SeededRandom, look: Look, headRadius: number): StickPlan {
  return {
    length: random.uniform(0.34, 0.44),
    headRadius,
    stick: look.second,
    head: look.third,
    person: randomPerson(random, 0),
    hands: random.next() < 0.75,
  };
}

function planDrum(random: SeededRandom, look: Look, form: string) {
  return {
    form: chooseForm(random, form, ['snare', 'tom', 'kit'], ['djembe']),
    radius: random.uniform(0.33, 0.4),
    squash: random.uniform(0.24, 0.4),
    depth: random.uniform(0.2, 0.36),
    taper: random.uniform(0.75, 1),
    lugs: random.integer(4, 8),
    zigzag: random.next() < 0.4,
    headY: random.uniform(-0.12, -0.04),
    sticks: planSticks(random, look, random.uniform(0.02, 0.04)),
    cymbals: random.integer(1, 3),
    logo: random.uniform(0.08, 0.16),
  };
}
type DrumPlan = ReturnType<typeof planDrum>;

export const makeDrum: ObjectMaker = (random, look, form) => {
  const plan = planDrum(random, look, form);
  return {
    draw(brush, pose) {
      if (plan.form === 'kit') drawKit(brush, plan, look, pose);
      else drawDrum(brush, plan, look, pose);
      for (const side of [-1, 1] as const) {
        const stick = reach(pose, (_, index) => (index % 2 === 0 ? 1 : -1) === side);
        const target: Point = plan.form === 'kit' ? [side * 0.22, -0.14] : [side * 0.1, plan.headY + 0.02];
        if (plan.form === 'djembe') {
          const y = target[1] - stick.lift * 0.2;
          drawHand(brush, plan.sticks.person, target[0] + side * 0.06, y, Math.PI / 2 + side * 0.9, 0.16, [
            side * 0.42,
            y - 0.16,
          ]);
        } else drawStick(brush, target, side, stick.lift, plan.sticks);
      }
    },
  };
};

function drawDrum(brush: Brush, plan: DrumPlan, look: Look, pose: Pose): void {
  const { radius, headY, depth } = plan;
  const djembe = plan.form === 'djembe';
  const squash = radius * plan.squash;
  const tremble = Math.sin(pose.sinceOnsetSec * 70) * 0.022 * pose.impact;
  const foot = headY + (djembe ? 0.5 : depth + (plan.form === 'tom' ? 0.12 : 0));
  const footRadius = radius * plan.taper;
  const side = (sign: number): Point[] =>
    djembe
      ? [
          [sign * radius, headY],
          [sign * radius * 0.8, headY + 0.2],
          [sign * radius * 0.36, headY + 0.3],
          [sign * radius * 0.5, foot],
        ]
      : [
          [sign * radius, headY],
          [sign * footRadius, foot],
        ];
  const rim: Point[] = [];
  for (let i = 0; i <= 10; i++) {
    const a = (i / 10) * Math.PI;
    const r = djembe ? radius * 0.5 : footRadius;
    rim.push([Math.cos(a) * r, foot + Math.sin(a) * squash * 0.8]);
  }
  brush.polygon([...side(-1), ...rim.reverse(), ...side(1).reverse()], look.body);
  drawLugs(brush, plan, look, foot, squash);
  if (!djembe)
    brush.curve(
      rim.map(([x, y]): Point => [x * 1.01, y]),
      0.035,
      look.second,
    );
  brush.ellipse(0, headY + 0.025, radius * 1.03, squash * 1.06, look.second);
  brush.ellipse(0, headY + tremble, radius * 0.95, squash * 0.92, look.light);
  const ring = pose.impact;
  if (ring > 0.05) {
    brush.ctx.beginPath();
    brush.ctx.ellipse(
      0,
      headY + tremble,
      radius * (0.9 - 0.6 * ring),
      squash * (0.86 - 0.6 * ring),
      0,
      0,
      Math.PI * 2,
    );
    brush.ctx.lineWidth = 0.012;
    brush.ctx.strokeStyle = css(tone(look.light, -0.35), ring);
    brush.ctx.stroke();
  }
}

function drawLugs(brush: Brush, plan: DrumPlan, look: Look, foot: number, squash: number): void {
  let before: Point | undefined;
  for (let i = 0; i < plan.lugs; i++) {
    const a = ((i + 0.5) / plan.lugs) * Math.PI;
    const x = -Math.cos(a);
    const top: Point = [x * plan.radius * 0.97, plan.headY + Math.sin(a) * squash];
    if (plan.form === 'djembe' || plan.zigzag) {
      const low: Point = [
        x * plan.radius * 0.8 + 0.03,
        plan.headY + (plan.form === 'djembe' ? 0.18 : foot - plan.headY) + Math.sin(a) * squash * 0.8,
      ];
      brush.hair([...(before ? [before] : []), top, low], 0.012, look.third);
      before = low;
    } else {
      const low: Point = [x * plan.radius * plan.taper * 0.97, foot + Math.sin(a) * squash * 0.8];
      brush.limb(top[0], top[1] + 0.02, low[0], low[1], 0.014, look.third);
      brush.rect(top[0] - 0.014, (top[1] + low[1]) / 2 - 0.03, 0.028, 0.06, 0.01, look.third);
    }
  }
}

function drawKit(brush: Brush, plan: DrumPlan, look: Look, pose: Pose): void {
  const kick = 1 + 0.05 * pose.impact * Math.cos(pose.sinceOnsetSec * 45);
  for (let i = 0; i < plan.cymbals + 1; i++) {
    const side = i % 2 === 0 ? -1 : 1;
    const x = side * (0.37 + 0.04 * i);
    brush.limb(x, -0.28, x - side * 0.04, 0.44, 0.016, look.dark);
    brush.ellipse(
      x,
      -0.3 + 0.05 * i,
      0.15,
      0.03,
      look.third,
      side * 0.18 + 0.25 * pose.impact * Math.sin(pose.sinceOnsetSec * 22),
    );
  }
  brush.ellipse(0, 0.18, 0.29 * kick, 0.29 * kick, look.body);
  brush.ellipse(0, 0.18, 0.245 * kick, 0.245 * kick, look.light);
  brush.ellipse(0, 0.18, plan.logo, plan.logo, look.second);
  for (const side of [-1, 1]) {
    brush.limb(side * 0.22, 0.4, side * 0.3, 0.48, 0.025, look.dark);
    const top = -0.14 + 0.012 * pose.impact;
    brush.rect(side * 0.22 - 0.15, top, 0.3, 0.17, 0.03, look.body);
    brush.rect(side * 0.22 - 0.155, top + 0.14, 0.31, 0.03, 0.01, look.second);
    brush.ellipse(side * 0.22, top, 0.155, 0.045, look.light);
  }
}

function planXylophone(random: SeededRandom, look: Look, form: string) {
  const rainbow = random.next() < 0.45;
  const hue = random.uniform(0, 360);
  const bars = random.integer(7, 14);
  const gradient = contrasting(random, look.body);
  return {
    form: chooseForm(random, form, ['xylophone', 'vibraphone'], ['marimba']),
    bars,
    colours: Array.from(
      { length: bars },
      (_, i): Colour =>
        rainbow
          ? { hue: hue + (i * 330) / bars, saturation: 0.75, lightness: 0.55 }
          : tone(gradient, (i % 2) * 0.04),
    ),
    longest: random.uniform(0.5, 0.62),
    shortest: random.uniform(0.26, 0.36),
    slant: random.uniform(-0.12, 0.12),
    centreY: random.uniform(0.06, 0.14),
    legs: random.next() < 0.4,
    gap: random.uniform(0.1, 0.25),
    sticks: planSticks(random, look, random.uniform(0.035, 0.05)),
  };
}
type XylophonePlan = ReturnType<typeof planXylophone>;

export const makeXylophone: ObjectMaker = (random, look, form) => {
  const plan = planXylophone(random, look, form);
  return {
    draw(brush, pose) {
      drawXylophone(brush, plan, look, pose);
      for (const side of [-1, 1] as const) {
        const mallet = reach(pose, (_, index) => (index % 2 === 0 ? 1 : -1) === side);
        const idle = mallet.sinceSec > 90 && mallet.untilSec > 90;
        const bar = idle ? (plan.bars - 1) * (0.5 + side * 0.2) : barOf(plan, mallet.pitchMidi);
        drawStick(brush, [barX(plan, bar), plan.centreY - 0.02 + side * 0.03], side, mallet.lift, {
          ...plan.sticks,
          length: 0.36,
        });
      }
    },
  };
};

function barOf(plan: XylophonePlan, pitchMidi: number): number {
  return Math.min(plan.bars - 1, Math.max(0, ((pitchMidi - 53) / 48) * (plan.bars - 1)));
}

function barX(plan: XylophonePlan, bar: number): number {
  return -0.46 + ((bar + 0.5) / plan.bars) * 0.92;
}

/** Tubes under the bars, long under the low ones. */
function drawResonators(brush: Brush, plan: XylophonePlan, look: Look): void {
  for (let bar = 0; bar < plan.bars; bar++) {
    const length = 0.42 - (0.3 * bar) / (plan.bars - 1);
    const width = (0.92 / plan.bars) * 0.7;
    brush.rect(barX(plan, bar) - width / 2, plan.centreY, width, length, width / 2, tone(look.second, -0.05));
  }
}

/** A frame on wheels with a damper bar. */
function drawTrolley(brush: Brush, plan: XylophonePlan, look: Look): void {
  const foot = 0.44;
  for (const x of [-0.42, 0.42]) {
    brush.limb(x, plan.centreY, x, foot, 0.035, look.second);
    brush.ellipse(x, foot + 0.03, 0.035, 0.035, look.dark);
  }
  brush.limb(-0.42, foot - 0.06, 0.42, foot - 0.06, 0.03, look.second);
}

function drawXylophone(brush: Brush, plan: XylophonePlan, look: Look, pose: Pose): void {
  const { centreY, longest, shortest, slant } = plan;
  const struck = new Map<number, number>();
  for (const { event, freshness } of recentEvents(pose, 0.35))
    struck.set(Math.round(barOf(plan, event.pitchMidi ?? 72)), freshness);
  if (plan.form === 'marimba') drawResonators(brush, plan, look);
  if (plan.form === 'vibraphone') drawTrolley(brush, plan, look);
  if (plan.legs) for (const x of [-0.4, 0.4]) brush.limb(x, centreY + 0.1, x * 1.1, 0.48, 0.04, look.body);
  for (const side of [-1, 1]) {
    brush.limb(
      -0.47,
      centreY + side * longest * 0.3 + slant / 2,
      0.47,
      centreY + side * shortest * 0.3 - slant / 2,
      0.05,
      look.body,
    );
  }
  for (const x of [-0.48, 0.48]) {
    const reachY = (x < 0 ? longest : shortest) * 0.36;
    brush.limb(x, centreY - reachY - x * slant, x, centreY + reachY - x * slant, 0.04, look.body);
  }
  const width = (0.92 / plan.bars) * (1 - plan.gap);
  for (let bar = 0; bar < plan.bars; bar++) {
    const t = bar / (plan.bars - 1);
    const length = longest + (shortest - longest) * t;
    const hit = struck.get(bar) ?? 0;
    const y = centreY - slant * (t - 0.5) + hit * 0.018 * Math.cos(pose.timeSec * 90);
    const colour = tone(plan.colours[bar]!, hit * 0.25);
    brush.rect(barX(plan, bar) - width / 2, y - length / 2, width, length, 0.015, colour);
    for (const side of [-1, 1])
      brush.ellipse(barX(plan, bar), y + side * length * 0.4, 0.01, 0.01, look.dark);
  }
}
