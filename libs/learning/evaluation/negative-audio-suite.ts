/** Whether silence, noise and sounds from elsewhere come back as "nothing in the picture sounds", at one threshold. */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { bootstrap, mean } from '#model/metrics/bootstrap';
import { readManifest } from '../corpus/manifest.ts';
import { ambience } from '../localization/ambience.ts';
import {
  firstSegment,
  type LocalizationEvaluation,
  type LocalizationSuiteRequest,
  openLocalizingModel,
} from './localization-suite.ts';

/** Frames of a clip that are looked at. */
const FRAMES = [6, 20, 36, 52];
const NEGATIVES = ['silence', 'noise', 'offscreen'] as const;
/** Recall at which detectors are compared. */
const RECALL = 0.8;

interface Asked {
  own: number;
  silence: number;
  noise: number;
  offscreen: number;
}

/** @throws EarshotError `not_trained`, `not_enough_data`, `file_not_found` without a corpus, `cancelled` */
export async function evaluateNegativeAudio(
  request: LocalizationSuiteRequest,
): Promise<LocalizationEvaluation> {
  const { corpus, split } = request;
  const { model, calibration } = await openLocalizingModel(request.modelFolder);
  const entries = (await readManifest(corpus, split)).slice(0, request.clips);
  const asked: Asked[] = [];
  try {
    for (const [i, entry] of entries.entries()) {
      if (request.signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
      const { block, samples } = await firstSegment(path.join(corpus, entry.file), model, request.signal);
      const turned = [...entries.slice(i + 1), ...entries.slice(0, i)];
      const other = turned.find(({ label }) => label !== entry.label);
      if (!other) throw new EarshotError('not_enough_data', 'Clips of two classes at least are needed.');
      const foreign = await firstSegment(path.join(corpus, other.file), model, request.signal);
      const rateHz = model.audioInput.sampleRateHz;
      // Silence comes every sixth time, beginning with 0: what is drawn here are the noises between.
      const noise = ambience(6 * i + 1 + (i % 5), 'test', samples.length, rateHz);
      const frames = FRAMES.filter((frame) => frame < block.count);
      const confidence = async (waveform: Float32Array) => {
        if (!model.localize) throw new EarshotError('not_trained', `${model.identity.id} has no maps.`);
        return (await model.localize({ waveform, block, frames, query: null })).confidence;
      };
      asked.push({
        own: await confidence(samples),
        silence: await confidence(new Float32Array(samples.length)),
        noise: await confidence(noise),
        offscreen: await confidence(foreign.samples),
      });
      request.onProgress?.(i + 1, entries.length);
    }
  } finally {
    model.dispose();
  }
  if (asked.length < 2)
    throw new EarshotError('not_enough_data', 'At least two clips are needed to measure verdicts.');
  const results = scoreVerdicts(asked, calibration.threshold);
  return { suite: request.suite, model: model.identity, n: asked.length, results };
}

/** Chance: what a detector answers that does not listen, and so is as often wrong as it is right. */
function scoreVerdicts(asked: readonly Asked[], threshold: number): LocalizationEvaluation['results'] {
  const said = (kind: keyof Asked, from: number) => asked.map((clip): number => (clip[kind] >= from ? 1 : 0));
  const recall = bootstrap(said('own', threshold));
  const results: LocalizationEvaluation['results'] = { recall: { ...recall, chance: recall.value } };
  const falsely = (from: number) =>
    bootstrap(asked.map((clip) => mean(NEGATIVES.map((kind) => (clip[kind] >= from ? 1 : 0)))));
  results.falsePositiveRate = { ...falsely(threshold), chance: recall.value };
  for (const kind of NEGATIVES)
    results[`falsePositiveRate.${kind}`] = { ...bootstrap(said(kind, threshold)), chance: recall.value };
  const sorted = asked.map(({ own }) => own).sort((a, b) => b - a);
  const at80 = sorted[Math.ceil(RECALL * sorted.length) - 1] as number;
  results.falsePositiveRateAt80Recall = { ...falsely(at80), chance: RECALL };
  return results;
}
