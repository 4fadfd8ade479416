/** A run's log: JSON lines, one a step and one an evaluation, so that it can be plotted while it runs. */
import { appendFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { StepReport } from '#model/training/learn-options';
import type { EvaluationReport } from '#model/training/validation';

const LOG_FILE = 'log.jsonl';

/** Begins a log, or goes on with the one that is there; a new one also drops the run's checkpoints. */
export async function openRunLog(folder: string, resume: boolean): Promise<(line: object) => void> {
  const file = path.join(folder, LOG_FILE);
  await mkdir(folder, { recursive: true });
  if (!resume) {
    await rm(path.join(folder, 'checkpoint'), { recursive: true, force: true });
    await writeFile(file, '');
  }
  // Synchronous on purpose: steps leave the event loop only a moment each, in which queued writes would fall behind.
  return (line) => appendFileSync(file, `${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}

interface Hooks<Step, Evaluation> {
  onStep?(report: Step): void;
  onEvaluation?(report: Evaluation): void;
}

/** A run's hooks, every report written to its log first. */
export function loggedHooks<Step extends object, Evaluation extends object>(
  log: (line: object) => void,
  hooks: Hooks<Step, Evaluation>,
): Required<Hooks<Step, Evaluation>> {
  return {
    onStep: (report) => {
      log({ kind: 'step', ...report });
      hooks.onStep?.(report);
    },
    onEvaluation: (report) => {
      log({ kind: 'evaluation', ...report });
      hooks.onEvaluation?.(report);
    },
  };
}

export interface RunLog {
  steps: StepReport[];
  evaluations: EvaluationReport[];
}

/** In order of steps; of steps that were taken again after a kill, the last. A line cut off by a kill is left out. */
export async function readRunLog(folder: string): Promise<RunLog> {
  const steps = new Map<number, StepReport>();
  const evaluations = new Map<number, EvaluationReport>();
  for (const text of (await readFile(path.join(folder, LOG_FILE), 'utf8')).split('\n')) {
    const line = parse(text);
    if (line?.kind === 'step') steps.set(line.step, line);
    else if (line?.kind === 'evaluation') evaluations.set(line.step, line);
  }
  const ordered = <T extends { step: number }>(lines: Map<number, T>) =>
    [...lines.values()].sort((a, b) => a.step - b.step);
  return { steps: ordered(steps), evaluations: ordered(evaluations) };
}

type Line = ({ kind: 'step' } & StepReport) | ({ kind: 'evaluation' } & EvaluationReport);

function parse(text: string): Line | null {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}
