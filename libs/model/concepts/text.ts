/**
 * Text to concepts: the longest run of words that names a concept or a group wins, after a light stemming. What
 * nobody knows is answered by name, so that a caller can say so instead of searching for half of what was asked.
 */
import { EarshotError } from '#core/errors';
import type { ConceptTable } from './table.ts';

export interface TextConcepts {
  /** Concepts named, in the order of the text, each once, with the share of the query that it carries. */
  concepts: { name: string; weight: number }[];
  /** Words that name no concept and say nothing else that can be heard or seen. */
  unknownWords: string[];
}

/** Words that only hold a sentence together, or that every sound shares. */
const FILLER = new Set(
  (
    'a an and are as at by for from her his in into is it its near next of off on onto or our out over some that the their ' +
    'then there this to two three under up very was while with without my your big small little large old young ' +
    'loud loudly quiet quietly soft softly sound sounds noise noises hear hearing heard see seen show footage clip clips ' +
    'video audio picture recording scene many several lots lot one being make making made go going'
  ).split(' '),
);

export class ConceptWords {
  /** Stemmed phrases to the concepts they mean. */
  readonly #phrases = new Map<string, readonly string[]>();
  readonly #longest: number;
  readonly #examples: string;

  constructor({ concepts, groups }: ConceptTable) {
    for (const [name, members] of Object.entries(groups)) this.#phrases.set(stemPhrase(name), members);
    for (const { name, words } of concepts) {
      for (const word of words) this.#phrases.set(stemPhrase(word), [name]);
    }
    // A concept's own name always means itself, whatever another one lists among its words.
    for (const { name } of concepts) this.#phrases.set(stemPhrase(name), [name]);
    this.#longest = Math.max(...[...this.#phrases.keys()].map((phrase) => phrase.split(' ').length));
    this.#examples = ['dog', 'rain', 'guitar', 'siren', 'footsteps']
      .filter((name) => concepts.some((concept) => concept.name === name))
      .join(', ');
  }

  /** @throws EarshotError `invalid_argument` when no word of the text names a concept */
  read(text: string): TextConcepts {
    const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    const weights = new Map<string, number>();
    const unknownWords: string[] = [];
    for (let at = 0; at < words.length; ) {
      const { names, length } = this.#match(words, at);
      // Named twice is not meant twice: "a dog barking" is one dog.
      for (const name of names) weights.set(name, Math.max(weights.get(name) ?? 0, 1 / names.length));
      const word = words[at] as string;
      if (names.length === 0 && !FILLER.has(word) && !unknownWords.includes(word)) unknownWords.push(word);
      at += length;
    }
    if (weights.size === 0) throw this.#nothingKnown(text, unknownWords);
    const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
    return {
      concepts: [...weights].map(([name, weight]) => ({ name, weight: weight / total })),
      unknownWords,
    };
  }

  /** The longest phrase that begins at this word; a word that begins none has length 1 and no names. */
  #match(words: readonly string[], at: number): { names: readonly string[]; length: number } {
    const stems = words.slice(at, at + this.#longest).map(stem);
    for (let length = stems.length; length > 0; length--) {
      const names = this.#phrases.get(stems.slice(0, length).join(' '));
      // "watch" is a filler-like verb and a clock: a filler alone never counts, inside a phrase it does.
      if (names !== undefined && !(length === 1 && FILLER.has(words[at] as string))) return { names, length };
    }
    return { names: [], length: 1 };
  }

  #nothingKnown(text: string, unknownWords: readonly string[]): EarshotError {
    const named = unknownWords.length > 0 ? `"${unknownWords.join('", "')}"` : `"${text.trim()}"`;
    const message = `The model knows no sound or sight by ${named}: name things that sound, such as ${this.#examples}.`;
    return new EarshotError('invalid_argument', message, { subject: 'query.text' });
  }
}

function stemPhrase(phrase: string): string {
  return (phrase.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map(stem).join(' ');
}

/**
 * Takes off plural, -ing and -ed, so that "barking dogs" meets "bark" and "dog".
 *
 * @see Porter 1980, "An algorithm for suffix stripping" (step 1, shortened)
 */
function stem(word: string): string {
  let root = word;
  if (/(ss|sh|ch|x|z)es$/.test(root)) root = root.slice(0, -2);
  else if (/[^aeiou]ies$/.test(root)) root = `${root.slice(0, -3)}y`;
  else if (/[^su]s$/.test(root) && root.length > 3) root = root.slice(0, -1);
  const suffix = /^(.*[aeiouy].*)(ing|ed)$/.exec(root)?.[1];
  if (suffix !== undefined && suffix.length >= 3) root = undouble(suffix);
  // "driving" and "drive", "horse" and "hors" must meet: a silent e is dropped from both.
  return root.length > 3 ? root.replace(/e$/, '') : root;
}

/** "running" -> "run"; "hiss" and "fall" keep theirs. */
function undouble(root: string): string {
  return /([^aeioulsz])\1$/.test(root) ? root.slice(0, -1) : root;
}
