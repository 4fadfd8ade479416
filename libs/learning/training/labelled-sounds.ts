/**
 * Recordings whose names say what they are: sounds of games and instruments in Debian's packages, found by the rules of
 * `labelled-sounds.json`, and the solo instruments of the generated corpus. Of each rule some, so that sixty drums do
 * not drown one owl.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { filesBelow } from '../files-below.ts';

const SOUND = /\.(ogg|wav|flac)$/i;

/** Most sounds of one rule, and of one class of the corpus. */
const MOST_OF_A_RULE = 24;
const MOST_OF_A_CLASS = 16;

export interface LabelledSound {
  file: string;
  /** Where it comes from: a package, or `corpus`. Sounds of one source are never split between learning and asking. */
  source: string;
  /** What makes the sound one of several alike: source and rule. */
  kind: string;
  /** Each of them is a right answer. */
  concepts: readonly string[];
}

const rulesSchema = z.strictObject({
  format: z.literal('earshot-labelled-sounds/1'),
  packages: z.array(
    z.strictObject({
      package: z.string().min(1),
      /** The first whose expression is found in a file's path counts; without concepts it leaves the file out. */
      rules: z.array(z.strictObject({ path: z.string().min(1), concepts: z.array(z.string()) })),
    }),
  ),
  /** What is heard in the corpus's clips, by their class. */
  corpusClasses: z.record(z.string(), z.array(z.string()).min(1)),
});

/** The rules that are shipped. */
export function labelledSoundRules(): z.infer<typeof rulesSchema> {
  const file = new URL('./labelled-sounds.json', import.meta.url);
  return rulesSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/**
 * In order of source and path.
 *
 * @param packages folder with one unpacked package a folder, named like it
 * @param corpus   folder of a generated corpus, whose split `train` is taken
 * @throws EarshotError `file_not_found` naming a package or the split that is missing
 */
export async function labelledSounds(packages: string, corpus: string): Promise<LabelledSound[]> {
  const { packages: known, corpusClasses } = labelledSoundRules();
  const sounds: LabelledSound[] = [];
  for (const { package: source, rules } of known) {
    const taken = new Map<string, number>();
    const expressions = rules.map((rule) => new RegExp(rule.path, 'i'));
    for (const file of await filesBelow(path.join(packages, source), SOUND)) {
      const rule = rules[expressions.findIndex((expression) => expression.test(`/${file}`))];
      const count = taken.get(rule?.path ?? '') ?? 0;
      if (rule === undefined || rule.concepts.length === 0 || count === MOST_OF_A_RULE) continue;
      taken.set(rule.path, count + 1);
      const { path: expression, concepts } = rule;
      sounds.push({
        file: path.join(packages, source, file),
        source,
        kind: `${source} ${expression}`,
        concepts,
      });
    }
  }
  const solos = await filesBelow(path.join(corpus, 'train'), SOUND);
  for (const [name, concepts] of Object.entries(corpusClasses)) {
    const files = solos.filter((file) => file.endsWith(`-${name}.wav`)).slice(0, MOST_OF_A_CLASS);
    for (const file of files)
      sounds.push({
        ...{ file: path.join(corpus, 'train', file), source: 'corpus' },
        ...{ kind: `corpus ${name}`, concepts },
      });
  }
  return sounds;
}
