/** What a run is told and what it tells. */
import { SeededRandom } from '#core/random';
import type { LossTerms, ObjectiveWeights } from './objective.ts';
import type { OptimizerName } from './optimizer.ts';
import type { Teaching } from './teaching.ts';
import type { TrainingSource } from './training-source.ts';
import type { EvaluationReport } from './validation.ts';

export interface LearnOptions {
  epochs: number;
  batchSize: number;
  /** Worker threads that share each batch, one unless told; see `threaded-differentiator.ts`. */
  threads?: number;
  peakLearningRate: number;
  /** `adamw` unless told. */
  optimizer?: OptimizerName;
  warmUpSteps: number;
  seed: number;
  /** `shuffled` gives every picture the sound of another clip, always the same one: the control that must fail. */
  pairing: 'true' | 'shuffled';
  weights: ObjectiveWeights;
  /** Hard negatives: from this part of the run on, clips of one class come in runs of `classRun` clips. */
  hardNegatives: { fromPart: number; classRun: number };
  /** Decay of the moving average of the weights, which is what is evaluated and kept; 0 keeps the weights as they are. */
  averageDecay: number;
  /** Evaluate on the validation clips every so many steps. */
  evaluateEverySteps: number;
  /** Stop after so many evaluations without a better validation score. */
  patience: number;
  validation: TrainingSource | null;
  /** What is learned from a teacher beside the pairs. */
  teaching?: Teaching | undefined;
  checkpoint: { folder: string; everySteps: number; resume: boolean } | null;
  signal?: AbortSignal;
  onStep?(report: StepReport): void;
  onEvaluation?(report: EvaluationReport): void;
}

export interface StepReport {
  step: number;
  totalSteps: number;
  loss: number;
  /** The objective's terms, unweighted. */
  terms: Partial<LossTerms>;
  gradientNorm: number;
  learningRate: number;
  temperature: number;
  stepMs: number;
  /** Of which the step waited for its batch. */
  waitedMs: number;
}

export interface LearnResult {
  step: number;
  stoppedBy: 'end' | 'patience';
  bestStep: number;
  /** The loss of the last step. */
  lastLoss: number;
}

/** What a resumed run must have been started with. */
export function settingsOf(options: LearnOptions, source: TrainingSource): Record<string, unknown> {
  const { epochs, batchSize, peakLearningRate, warmUpSteps, seed, pairing: pairs } = options;
  const { weights, hardNegatives, averageDecay } = options;
  const settings = { epochs, batchSize, peakLearningRate, warmUpSteps, seed, pairing: pairs };
  // Defaults leave no trace, so that runs from before there was a choice can be resumed.
  const optimizer = options.optimizer === 'adamw' ? undefined : options.optimizer;
  const clips = { clips: source.size, source: source.settings };
  const threads = options.threads === 1 ? undefined : options.threads;
  const { teaching } = options;
  const taught = teaching && { digest: teaching.digest, rows: teaching.rows };
  return { ...settings, weights, hardNegatives, averageDecay, ...clips, optimizer, threads, taught };
}

/** For each picture, the clip whose sound it is shown with. */
export function pairing(size: number, options: LearnOptions): number[] {
  const identity = Array.from({ length: size }, (_, i) => i);
  if (options.pairing === 'true') return identity;
  return new SeededRandom(`${options.seed}:shuffled-pairs`).shuffle(identity);
}
