/** What the file of every kind of object provides. */
import type { SeededRandom } from '#core/random';
import type { Brush } from './brush.ts';
import type { Look } from './look.ts';
import type { Pose } from './pose.ts';

/** An object with its variant drawn. Both functions draw in a unit box centred at the origin, y downwards. */
export interface DrawnObject {
  /** The player's body, behind the object and not part of its mask. */
  drawPlayer?(brush: Brush, pose: Pose): void;
  /** The object with whatever touches it: sticks, bow, hands. */
  draw(brush: Brush, pose: Pose): void;
}

/** Draws a variant from the source of randomness; the same source and look give the same object. */
export type ObjectMaker = (random: SeededRandom, look: Look) => DrawnObject;
