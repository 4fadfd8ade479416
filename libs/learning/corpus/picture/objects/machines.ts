/** Hammers, cars and sirens. */
import type { SeededRandom } from '#core/random';
import type { Brush, Point } from '../brush.ts';
import { css, tone } from '../brush.ts';
import type { ObjectMaker } from '../drawn-object.ts';
import type { Look } from '../look.ts';
import { drawHand, randomPerson } from '../player.ts';
import type { Pose } from '../pose.ts';
import { reach } from '../pose.ts';

function planHammer(random: SeededRandom) {
  return {
    form: random.pick(['claw', 'sledge', 'mallet'] as const),
    target: random.pick(['nail', 'anvil', 'stake'] as const),
    handle: random.uniform(0.48, 0.6),
    headLength: random.uniform(0.26, 0.34),
    headWidth: random.uniform(0.11, 0.15),
    raise: random.uniform(0.8, 1.15),
    hand: random.next() < 0.85,
    person: randomPerson(random, 0),
    sparks: random.integer(3, 8),
  };
}
type HammerPlan = ReturnType<typeof planHammer>;

export const makeHammer: ObjectMaker = (random, look) => {
  const plan = planHammer(random);
  return {
    draw(brush, pose) {
      const { lift } = reach(pose);
      const targetX = -0.24;
      const targetY = 0.16 + (plan.target === 'anvil' ? 0 : 0.06 * Math.min(1, (pose.eventIndex + 1) / 12));
      drawTarget(brush, plan, look, targetX, targetY, pose);
      const half = plan.headLength / 2;
      const handX = targetX + plan.handle;
      const handY = targetY - half + 0.02;
      brush.at(handX, handY - lift * 0.12, lift * plan.raise, () => {
        brush.limb(0.08, 0, -plan.handle, 0, 0.05, look.second);
        brush.at(-plan.handle, 0, 0, () => drawHammerHead(brush, plan, look));
        if (plan.hand) drawHand(brush, plan.person, -0.02, 0.0, Math.PI - 0.4, 0.15, [0.2, 0.28]);
      });
      drawSparks(brush, plan, look, targetX, targetY, pose);
    },
  };
};

function drawHammerHead(brush: Brush, plan: HammerPlan, look: Look): void {
  const half = plan.headLength / 2;
  const width = plan.headWidth;
  if (plan.form === 'sledge') brush.rect(-width / 2, -half, width, half * 2, 0.015, look.body);
  else if (plan.form === 'mallet') {
    brush.rect(-width * 0.6, -half, width * 1.2, half * 2, 0.03, look.body);
    for (const y of [-half * 0.7, half * 0.55])
      brush.rect(-width * 0.62, y, width * 1.24, 0.03, 0.005, look.third);
  } else {
    brush.rect(-width * 0.35, -half * 0.5, width * 0.7, half * 1.2, 0.01, look.body);
    brush.rect(-width * 0.5, half * 0.6, width, half * 0.4, 0.012, tone(look.body, 0.08));
    for (const side of [-1, 1])
      brush.curve(
        [
          [side * width * 0.15, -half * 0.45],
          [side * width * 0.3, -half * 0.9],
          [side * width * 0.25 + width * 0.5, -half * 1.25],
        ],
        0.04,
        look.body,
      );
  }
}

function drawTarget(brush: Brush, plan: HammerPlan, look: Look, x: number, y: number, pose: Pose): void {
  const jolt = 0.015 * pose.impact * Math.sin(pose.sinceOnsetSec * 60);
  if (plan.target === 'anvil') {
    brush.polygon(
      [
        [x - 0.24, y],
        [x + 0.3, y],
        [x + 0.3, y + 0.07],
        [x + 0.14, y + 0.13],
        [x + 0.1, y + 0.22],
        [x + 0.2, y + 0.32],
        [x - 0.16, y + 0.32],
        [x - 0.06, y + 0.22],
        [x - 0.1, y + 0.12],
        [x - 0.2, y + 0.07],
      ].map(([px, py]): Point => [px!, py! + jolt]),
      look.third,
    );
    return;
  }
  const width = plan.target === 'nail' ? 0.03 : 0.09;
  brush.rect(x - width / 2, y, width, 0.3, 0.005, tone(look.body, 0.1));
  brush.rect(x - width * 1.2, y + jolt, width * 2.4, 0.024, 0.008, tone(look.body, 0.05));
  brush.rect(-0.5, 0.34 + jolt * 0.5, 0.9, 0.15, 0.015, look.third);
  for (const lineY of [0.39, 0.44])
    brush.hair(
      [
        [-0.46, lineY],
        [-0.05, lineY + 0.012],
        [0.36, lineY - 0.005],
      ],
      0.007,
      tone(look.third, -0.15),
    );
}

function drawSparks(brush: Brush, plan: HammerPlan, look: Look, x: number, y: number, pose: Pose): void {
  if (pose.sinceOnsetSec > 0.16) return;
  const spread = 0.06 + pose.sinceOnsetSec * 1.1;
  for (let i = 0; i < plan.sparks; i++) {
    const angle =
      -Math.PI * (0.05 + (0.9 * (i + 0.5)) / plan.sparks) + 0.3 * Math.sin(i * 12.9 + pose.eventIndex);
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
    brush.hair(
      [
        [x + dx * spread, y + dy * spread * 0.6],
        [x + dx * (spread + 0.06), y + dy * (spread + 0.06) * 0.6],
      ],
      0.016,
      look.light,
    );
  }
}

function planCar(random: SeededRandom) {
  return {
    form: random.pick(['saloon', 'hatchback', 'van', 'beetle', 'truck'] as const),
    wheel: random.uniform(0.095, 0.13),
    spokes: random.integer(4, 8),
    base: random.uniform(0.24, 0.29),
    roof: random.uniform(-0.22, -0.14),
    stripe: random.next() < 0.4,
    driver: randomPerson(random, 0.6),
    puffs: random.integer(3, 6),
    glass: random.uniform(180, 230),
  };
}
type CarPlan = ReturnType<typeof planCar>;

export const makeCar: ObjectMaker = (random, look) => {
  const plan = planCar(random);
  return {
    draw(brush, pose) {
      const shake = 0.024 * pose.loudness * Math.sin(pose.spin * 75);
      const pitchUp = -0.05 * pose.impact - 0.03 * pose.loudness;
      drawExhaust(brush, plan, look, pose);
      brush.at(0, shake, pitchUp * 0.6, () => drawCarBody(brush, plan, look));
      for (const x of [-plan.base, plan.base]) drawWheel(brush, plan, look, x, pose.spin * 9);
    },
  };
};

function carOutline(plan: CarPlan): Point[] {
  const { roof } = plan;
  if (plan.form === 'van')
    return [
      [-0.48, 0.2],
      [-0.48, roof],
      [-0.44, roof - 0.04],
      [0.22, roof - 0.04],
      [0.36, 0.0],
      [0.48, 0.05],
      [0.49, 0.2],
    ];
  if (plan.form === 'truck')
    return [
      [-0.49, 0.2],
      [-0.49, 0.02],
      [0.02, 0.02],
      [0.06, roof],
      [0.28, roof],
      [0.36, 0.0],
      [0.48, 0.04],
      [0.49, 0.2],
    ];
  if (plan.form === 'hatchback')
    return [
      [-0.46, 0.2],
      [-0.46, 0.02],
      [-0.36, roof],
      [0.08, roof],
      [0.24, 0.0],
      [0.46, 0.04],
      [0.48, 0.2],
    ];
  return [
    [-0.49, 0.2],
    [-0.48, 0.04],
    [-0.32, 0.01],
    [-0.2, roof],
    [0.1, roof],
    [0.26, 0.01],
    [0.46, 0.05],
    [0.49, 0.2],
  ];
}

function drawCarBody(brush: Brush, plan: CarPlan, look: Look): void {
  const { roof } = plan;
  const glass = { hue: plan.glass, saturation: 0.3, lightness: 0.75 };
  if (plan.form === 'beetle') {
    brush.blob(
      [
        [-0.54, 0.24],
        [-0.5, 0.0],
        [-0.3, -0.04],
        [-0.16, roof - 0.08],
        [0.12, roof - 0.08],
        [0.26, -0.02],
        [0.5, 0.02],
        [0.54, 0.24],
      ],
      look.body,
    );
  } else brush.polygon(carOutline(plan), look.body);
  const from = plan.form === 'truck' ? 0.09 : plan.form === 'hatchback' ? -0.34 : -0.19;
  const to = plan.form === 'van' ? 0.22 : plan.form === 'truck' ? 0.26 : 0.1;
  const middle = plan.form === 'truck' ? from : (from + to) / 2;
  if (middle > from)
    brush.polygon(
      [
        [from - 0.05, 0.0],
        [from + 0.02, roof + 0.035],
        [middle - 0.015, roof + 0.035],
        [middle - 0.015, 0.0],
      ],
      glass,
    );
  brush.polygon(
    [
      [middle + 0.015, 0.0],
      [middle + 0.015, roof + 0.035],
      [to - 0.02, roof + 0.035],
      [to + 0.09, 0.0],
    ],
    glass,
  );
  if (plan.driver.seen) {
    brush.ellipse(middle + 0.08, -0.06, 0.045, 0.055, plan.driver.skin);
    brush.hair(
      [
        [middle + 0.16, 0],
        [middle + 0.13, -0.05],
      ],
      0.014,
      look.dark,
    );
  }
  if (plan.stripe) brush.rect(-0.46, 0.07, 0.92, 0.035, 0.005, look.second);
  brush.rect(-0.5, 0.17, 1, 0.05, 0.02, tone(look.body, -0.2));
  brush.hair(
    [
      [middle, 0.0],
      [middle, 0.16],
    ],
    0.008,
    tone(look.body, -0.25),
  );
  brush.rect(middle - 0.08, 0.035, 0.06, 0.018, 0.006, look.third);
  brush.ellipse(0.45, 0.1, 0.03, 0.04, look.light);
  brush.rect(-0.495, 0.07, 0.04, 0.06, 0.01, look.third);
}

function drawWheel(brush: Brush, plan: CarPlan, look: Look, x: number, angle: number): void {
  const { wheel } = plan;
  brush.ellipse(x, 0.24, wheel, wheel, look.dark);
  brush.ellipse(x, 0.24, wheel * 0.62, wheel * 0.62, look.light);
  for (let spoke = 0; spoke < plan.spokes; spoke++) {
    const a = angle + (spoke / plan.spokes) * Math.PI * 2;
    brush.hair(
      [
        [x, 0.24],
        [x + Math.cos(a) * wheel * 0.58, 0.24 + Math.sin(a) * wheel * 0.58],
      ],
      0.018,
      spoke === 0 ? look.third : look.dark,
    );
  }
  brush.ellipse(x, 0.24, wheel * 0.18, wheel * 0.18, look.second);
}

function drawExhaust(brush: Brush, plan: CarPlan, look: Look, pose: Pose): void {
  brush.limb(-0.52, 0.22, -0.44, 0.22, 0.03, look.dark);
  for (let i = 0; i < plan.puffs; i++) {
    const age = (pose.spin * 2.2 + i / plan.puffs) % 1;
    const alpha = Math.min(1, pose.loudness * 1.6) * (1 - age) * 0.7;
    if (alpha < 0.04) continue;
    brush.ctx.beginPath();
    brush.ctx.arc(-0.53 - age * 0.16, 0.21 - age * 0.16, 0.02 + age * 0.06, 0, Math.PI * 2);
    brush.ctx.fillStyle = css(look.light, alpha);
    brush.ctx.fill();
  }
}

function planSiren(random: SeededRandom) {
  return {
    form: random.pick(['dome', 'dome', 'bar', 'horn'] as const),
    width: random.uniform(0.2, 0.26),
    height: random.uniform(0.36, 0.48),
    base: random.uniform(0.1, 0.18),
    stripes: random.integer(0, 4),
    beams: random.integer(1, 3),
    lamp: { hue: random.uniform(0, 360), saturation: 0.9, lightness: 0.55 },
    other: { hue: random.uniform(0, 360), saturation: 0.9, lightness: 0.55 },
  };
}
type SirenPlan = ReturnType<typeof planSiren>;

export const makeSiren: ObjectMaker = (random, look) => {
  const plan = planSiren(random);
  return {
    draw(brush, pose) {
      if (plan.form === 'bar') drawLightBar(brush, plan, look, pose);
      else if (plan.form === 'horn') drawHorn(brush, plan, look, pose);
      else drawDome(brush, plan, look, pose, 0, 0.4, 1);
    },
  };
};

/** A lamp's brightness, 0 dark .. 1: it follows the loudness, and the pitch within a cycle. */
function glow(pose: Pose): number {
  const pitch = Math.min(1, Math.max(0, (pose.pitchMidi - 50) / 40));
  return Math.min(1, pose.loudness * (0.6 + 0.5 * pitch) + 0.5 * pose.impact);
}

function drawDome(
  brush: Brush,
  plan: SirenPlan,
  look: Look,
  pose: Pose,
  x: number,
  foot: number,
  size: number,
): void {
  const { ctx } = brush;
  const bright = glow(pose);
  const width = plan.width * size;
  const height = plan.height * size;
  const top = foot - plan.base * size;
  const angle = pose.spin * 14;
  for (let beam = 0; beam < plan.beams * 2 && bright > 0.03; beam++) {
    const side = Math.cos(angle + (beam * Math.PI) / plan.beams);
    ctx.beginPath();
    ctx.moveTo(x, top - height * 0.5);
    ctx.lineTo(x + side * 0.52 * size, top - height * 0.5 - 0.14 * size);
    ctx.lineTo(x + side * 0.52 * size, top - height * 0.5 + 0.14 * size);
    ctx.fillStyle = css(tone(plan.lamp, 0.2), 0.5 * bright);
    ctx.fill();
  }
  const lamp = { ...plan.lamp, lightness: 0.28 + 0.45 * bright, saturation: 0.5 + 0.45 * bright };
  brush.blob(
    [
      [x - width, top + 0.02],
      [x - width, top - height * 0.7],
      [x - width * 0.6, top - height * 1.05],
      [x + width * 0.6, top - height * 1.05],
      [x + width, top - height * 0.7],
      [x + width, top + 0.02],
    ],
    lamp,
  );
  brush.rect(
    x + Math.cos(angle) * width * 0.4 - 0.05 * size,
    top - height * 0.7,
    0.1 * size,
    height * 0.55,
    0.03,
    tone(plan.lamp, 0.1 + 0.3 * bright),
  );
  brush.hair(
    [
      [x - width * 0.6, top - height * 0.2],
      [x - width * 0.62, top - height * 0.6],
    ],
    0.025 * size,
    { ...plan.lamp, lightness: 0.92 },
    0.6,
  );
  brush.rect(x - width * 1.2, top, width * 2.4, plan.base * size, 0.02, look.body);
  for (let stripe = 0; stripe < plan.stripes; stripe++)
    brush.rect(
      x - width * 1.1 + stripe * width * 0.6,
      top + plan.base * size * 0.3,
      width * 0.3,
      plan.base * size * 0.4,
      0.005,
      look.second,
    );
}

function drawLightBar(brush: Brush, plan: SirenPlan, look: Look, pose: Pose): void {
  const bright = glow(pose);
  const turn = Math.sin(pose.spin * 14);
  brush.rect(-0.5, 0.08, 1, 0.12, 0.03, look.body);
  for (const x of [-0.32, 0.24]) brush.rect(x, 0.2, 0.08, 0.1, 0.01, look.dark);
  for (const side of [-1, 1]) {
    const lit = bright * Math.max(0, side * turn);
    const lamp = { ...(side < 0 ? plan.lamp : plan.other), lightness: 0.26 + 0.5 * lit };
    if (lit > 0.05) {
      brush.ctx.beginPath();
      brush.ctx.arc(side * 0.29, -0.03, 0.2 + 0.12 * lit, 0, Math.PI * 2);
      brush.ctx.fillStyle = css(tone(lamp, 0.2), 0.4 * lit);
      brush.ctx.fill();
    }
    brush.blob(
      [
        [side * 0.12, 0.1],
        [side * 0.12, -0.12],
        [side * 0.3, -0.14],
        [side * 0.5, -0.1],
        [side * 0.5, 0.1],
      ],
      lamp,
    );
    brush.hair(
      [
        [side * 0.2, -0.06],
        [side * 0.38, -0.07],
      ],
      0.02,
      { ...lamp, lightness: 0.92 },
      0.6,
    );
  }
  brush.rect(-0.11, -0.08, 0.22, 0.18, 0.03, look.second);
  for (let i = 0; i < 4; i++)
    brush.hair(
      [
        [-0.07, -0.04 + i * 0.035],
        [0.07, -0.04 + i * 0.035],
      ],
      0.01,
      look.dark,
    );
}

function drawHorn(brush: Brush, plan: SirenPlan, look: Look, pose: Pose): void {
  const tremble = 0.03 * pose.loudness * Math.sin(pose.spin * 120);
  brush.rect(-0.05, 0.08, 0.1, 0.4, 0.01, look.dark);
  for (const side of [-1, 1]) {
    brush.at(0, 0.06, tremble * side, () => {
      brush.polygon(
        [
          [side * 0.04, -0.06],
          [side * 0.2, -0.09],
          [side * 0.44, -0.22],
          [side * 0.44, 0.22],
          [side * 0.2, 0.09],
          [side * 0.04, 0.06],
        ],
        look.body,
      );
      brush.ellipse(side * 0.44, 0, 0.05 + 0.015 * pose.loudness, 0.22, tone(look.body, -0.22));
    });
  }
  brush.rect(-0.09, -0.06, 0.18, 0.22, 0.03, look.second);
  drawDome(brush, { ...plan, stripes: 0 }, look, pose, 0, -0.06, 0.6);
}
