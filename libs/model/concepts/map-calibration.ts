/**
 * What the agreement of sound and place is worth, fitted on real clips and kept in `map-calibration.json`:
 * `scripts/calibrate-concept-maps.ts` writes the file.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { ModelCalibration } from '../checkpoint/manifest.ts';

const platt = z.strictObject({ slope: z.number().positive(), intercept: z.number() });

const schema = z.strictObject({
  format: z.literal('earshot-concept-map-calibration/1'),
  /** From the cosine of sound and place to the probability that they belong together. */
  match: platt,
  /** From how much a concept is heard and seen to the probability that it sounds in the picture. */
  concept: platt,
  /** Where both curves count as yes: `match` where it is right most often on either side, `concept` by its best F1. */
  thresholds: z.strictObject({ match: z.number().min(0).max(1), concept: z.number().min(0).max(1) }),
  /** How many clips they were fitted on. */
  clips: z.int().positive(),
});

export type ConceptMapCalibration = z.infer<typeof schema>;

const FILE = new URL('./map-calibration.json', import.meta.url);

let shipped: ConceptMapCalibration | null = null;

export function conceptMapCalibration(): ConceptMapCalibration {
  shipped ??= schema.parse(JSON.parse(readFileSync(FILE, 'utf8')));
  return shipped;
}

/** As the rest of the product reads it. */
export function conceptModelCalibration(): ModelCalibration {
  const { match, concept, thresholds } = conceptMapCalibration();
  return {
    localization: {
      map: match,
      confidence: match,
      threshold: thresholds.match,
      mapThreshold: thresholds.match,
    },
    grouping: {
      map: concept,
      source: concept,
      threshold: thresholds.concept,
      mapThreshold: thresholds.concept,
    },
  };
}
