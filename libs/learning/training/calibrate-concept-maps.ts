/** What the agreement of sound and place is worth with the `concept` model, fitted on real clips with their concepts. */
import { EarshotError } from '#core/errors';
import { fitPlatt, plattProbability } from '#model/calibration/platt';
import type { ConceptModel } from '#model/concepts/concept-model';
import type { ConceptMapCalibration } from '#model/concepts/map-calibration';
import { type ConceptScene, conceptEvidence, matchEvidence } from '#model/concepts/maps';
import { decodeBeginning } from '../decode-beginning.ts';
import type { LabelledFile } from '../evaluation/evaluate-model.ts';

/** Of a clip's frames every so many are looked at. */
const EVERY_FRAMES = 2;

/**
 * Sound and picture of one clip belong together; those of two clips that share no concept do not. In a clip's own
 * picture its concepts sound, and no others.
 *
 * @throws EarshotError `not_enough_data` for fewer than two clips
 */
export async function calibrateConceptMaps(
  model: ConceptModel,
  clips: readonly LabelledFile[],
): Promise<ConceptMapCalibration> {
  const scenes: { scene: ConceptScene; concepts: readonly string[] }[] = [];
  for (const { file, labels: concepts } of clips) {
    const options = { lengthSec: model.segments.lengthSec, video: model.videoInput, ...model.audioInput };
    const { block, samples } = await decodeBeginning(file, options);
    const frames = Array.from({ length: block.count }, (_, i) => i).filter((i) => i % EVERY_FRAMES === 0);
    scenes.push({ scene: await model.sceneOf({ waveform: samples, block, frames, query: null }), concepts });
  }
  if (scenes.length < 2) throw new EarshotError('not_enough_data', 'At least two clips are needed.');
  const pairs = scenes.flatMap(({ scene: { heard }, concepts }, i) =>
    scenes.flatMap((other, j) => {
      const shared = other.concepts.some((concept) => concepts.includes(concept));
      if (i !== j && shared) return [];
      return [{ evidence: matchEvidence(heard, other.scene.frames), yes: i === j }];
    }),
  );
  const named = scenes.flatMap(({ scene: { heardConcepts, frames }, concepts }) =>
    Array.from(conceptEvidence(heardConcepts, frames), (evidence, of) => ({
      evidence,
      yes: concepts.includes(model.concepts[of] as string),
    })),
  );
  // As many copies of each match as there are mismatches to it: neither is to be the likelier beforehand.
  const own = pairs.filter(({ yes }) => yes);
  const copies = Math.round((pairs.length - own.length) / own.length);
  const even = [...pairs, ...Array.from({ length: copies - 1 }, () => own).flat()];
  const match = curve(even);
  const concept = curve(named);
  return {
    format: 'earshot-concept-map-calibration/1',
    match,
    concept,
    thresholds: {
      match: bestThreshold(
        even,
        match,
        ({ hits, misses, falselyFound, rightlyLeft }) =>
          hits / (hits + misses) + rightlyLeft / (rightlyLeft + falselyFound),
      ),
      concept: bestThreshold(
        named,
        concept,
        ({ hits, misses, falselyFound }) => (2 * hits) / (2 * hits + misses + falselyFound),
      ),
    },
    clips: scenes.length,
  };
}

interface Judged {
  evidence: number;
  yes: boolean;
}

interface Outcome {
  hits: number;
  misses: number;
  falselyFound: number;
  rightlyLeft: number;
}

function curve(judged: readonly Judged[]): ConceptMapCalibration['match'] {
  return fitPlatt(
    judged.map(({ evidence }) => evidence),
    judged.map(({ yes }) => yes),
  );
}

/** The lowest of the best. */
function bestThreshold(
  judged: readonly Judged[],
  platt: ConceptMapCalibration['match'],
  score: (outcome: Outcome) => number,
): number {
  const thresholds = Array.from({ length: 37 }, (_, i) => Number((0.05 + 0.025 * i).toFixed(3)));
  const scores = thresholds.map((threshold) => {
    const count = (found: boolean, yes: boolean) =>
      judged.filter(
        (each) => each.yes === yes && plattProbability(platt, each.evidence) >= threshold === found,
      ).length;
    return score({
      hits: count(true, true),
      misses: count(false, true),
      falselyFound: count(true, false),
      rightlyLeft: count(false, false),
    });
  });
  return thresholds[scores.indexOf(Math.max(...scores))] as number;
}
