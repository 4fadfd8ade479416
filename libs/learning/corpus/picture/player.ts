/** Players: hands, arms, and simple figures behind an instrument. */
import type { SeededRandom } from '#core/random';
import type { Brush, Colour } from './brush.ts';
import { css, tone } from './brush.ts';
import { randomColour } from './look.ts';

export interface Person {
  skin: Colour;
  sleeve: Colour;
  hair: Colour;
  hairLength: number;
  /** Whether the whole person is seen, not only the hands. */
  seen: boolean;
}

export function randomPerson(random: SeededRandom, seenChance: number): Person {
  const natural = random.next() < 0.8;
  const skin = natural
    ? {
        hue: random.uniform(14, 34),
        saturation: random.uniform(0.3, 0.65),
        lightness: random.uniform(0.3, 0.82),
      }
    : randomColour(random);
  return {
    skin,
    sleeve: randomColour(random),
    hair: { ...randomColour(random), lightness: random.uniform(0.08, 0.7) },
    hairLength: random.uniform(0, 1),
    seen: random.next() < seenChance,
  };
}

/** A hand at the given place with its fingers pointing along `angle`, and the forearm behind it. */
export function drawHand(
  brush: Brush,
  person: Person,
  x: number,
  y: number,
  angle: number,
  size: number,
  elbow?: readonly [number, number],
): void {
  const backX = x - Math.cos(angle) * size * 0.9;
  const backY = y - Math.sin(angle) * size * 0.9;
  if (elbow) brush.limb(elbow[0], elbow[1], backX, backY, size * 0.75, person.sleeve);
  brush.at(x, y, angle, () => {
    for (let finger = -1.5; finger <= 1.5; finger++) {
      const length = size * (0.5 - 0.06 * Math.abs(finger));
      brush.limb(
        -size * 0.45,
        finger * size * 0.2,
        -size * 0.3 + length,
        finger * size * 0.19,
        size * 0.17,
        person.skin,
      );
    }
    brush.ellipse(-size * 0.55, 0, size * 0.42, size * 0.44, person.skin);
  });
}

/** Head, neck and shoulders; the head's centre is at (x, y), `facing` -1 looks left, 1 right, 0 to the front. */
export function drawFigure(
  brush: Brush,
  person: Person,
  x: number,
  y: number,
  size: number,
  facing: number,
): void {
  const { ctx } = brush;
  brush.blob(
    [
      [x - size * 2.1, y + size * 5.2],
      [x - size * 2.2, y + size * 2.1],
      [x - size * 0.9, y + size * 1.45],
      [x + size * 0.9, y + size * 1.45],
      [x + size * 2.2, y + size * 2.1],
      [x + size * 2.1, y + size * 5.2],
    ],
    person.sleeve,
  );
  brush.rect(x - size * 0.35, y + size * 0.5, size * 0.7, size * 1.1, size * 0.2, tone(person.skin, -0.05));
  if (person.hairLength > 0.5) {
    brush.ellipse(
      x - facing * size * 0.25,
      y + size * 0.25,
      size * 1.05,
      size * (0.8 + person.hairLength * 0.6),
      person.hair,
    );
  }
  brush.ellipse(x, y, size * 0.82, size, person.skin);
  ctx.beginPath();
  ctx.ellipse(
    x - facing * size * 0.2,
    y - size * 0.42,
    size * 0.88,
    size * 0.66,
    facing * -0.35,
    Math.PI * 0.95,
    Math.PI * 2.05,
  );
  ctx.fillStyle = css(person.hair);
  ctx.fill();
  ctx.fillStyle = css({ hue: 0, saturation: 0, lightness: 0.08 });
  for (const side of [-1, 1]) {
    const eyeX = x + facing * size * 0.4 + side * size * 0.28;
    if (Math.abs(eyeX - x) > size * 0.7) continue;
    ctx.beginPath();
    ctx.arc(eyeX, y - size * 0.02, size * 0.09, 0, Math.PI * 2);
    ctx.fill();
  }
}
