/** What the file of every kind of object provides. */
import { EarshotError } from '#core/errors';
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

/**
 * Draws a variant from the source of randomness; the same source, look and form give the same object.
 *
 * @param form the look that goes with the timbre; empty for any of those that are not kept for unseen objects
 */
export type ObjectMaker = (random: SeededRandom, look: Look, form: string) => DrawnObject;

/**
 * The form to draw in: the one asked for, or one of `seen` by lot where none is asked for.
 *
 * @throws EarshotError `internal` for a form that is in neither list
 */
export function chooseForm<Form extends string>(
  random: SeededRandom,
  asked: string,
  seen: readonly Form[],
  unseen: readonly Form[] = [],
): Form {
  const drawn = random.pick(seen);
  if (asked === '') return drawn;
  const form = [...seen, ...unseen].find((each) => each === asked);
  if (!form)
    throw new EarshotError('internal', `No object is drawn in the form ${asked}.`, { subject: asked });
  return form;
}
