/** What no two splits may share, checked on every corpus that is made. */
import { EarshotError } from '#core/errors';
import type { ManifestEntry } from './manifest.ts';
import { UNSEEN_VENUES } from './venue.ts';

/**
 * @throws EarshotError `internal` where two splits share a phrase or a clip's content, or where the split of unseen
 *   objects shares a timbre, a look or a place with another one
 */
export function assertDisjoint(entries: readonly ManifestEntry[]): void {
  const ownSplit = new Owners();
  const unseenOrNot = new Owners();
  for (const { split, sources, objects, venue, contentSha256 } of entries) {
    ownSplit.claim(contentSha256, split);
    for (const { phraseId } of sources) ownSplit.claim(phraseId, split);
    const side = split === 'unseen' ? 'unseen' : 'seen';
    unseenOrNot.claim(`place ${venue}`, side);
    for (const { soundClass, timbreId } of sources) unseenOrNot.claim(timbreOf(soundClass, timbreId), side);
    for (const { soundClass, form } of objects)
      if (form !== '') unseenOrNot.claim(`look ${soundClass}/${form}`, side);
    if (UNSEEN_VENUES.includes(venue) !== (side === 'unseen')) throw shared(`place ${venue}`);
  }
}

/** The timbre without the number that a synthesised one is drawn with. */
function timbreOf(soundClass: string, timbreId: string): string {
  const kind = timbreId.startsWith('gm:') ? timbreId : timbreId.replace(/:\d+$/, '');
  return `timbre ${soundClass}/${kind}`;
}

/** Remembers who has what. */
class Owners {
  readonly #owners = new Map<string, string>();

  claim(key: string, owner: string): void {
    if ((this.#owners.get(key) ?? owner) !== owner) throw shared(key);
    this.#owners.set(key, owner);
  }
}

function shared(key: string): EarshotError {
  return new EarshotError('internal', `Two splits of the corpus share ${key}.`, { subject: key });
}
