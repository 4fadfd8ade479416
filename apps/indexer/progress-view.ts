/** How ingest shows its progress on stderr: a bar for a person, a line for each file for a log. */
import cliProgress from 'cli-progress';
import type { IngestProgress } from './ingest-files.ts';

export interface ProgressView extends IngestProgress {
  stop(): void;
}

/** @param fileCount files that will be reported */
export function progressView(fileCount: number): ProgressView {
  return process.stderr.isTTY ? barView(fileCount) : lineView(fileCount);
}

function barView(fileCount: number): ProgressView {
  const bar = new cliProgress.SingleBar({
    format: '{bar} {percentage}%  {done}/{files} files  {stage}',
    barsize: 30,
    hideCursor: true,
    stream: process.stderr,
    ...{ barCompleteChar: '█', barIncompleteChar: '░' },
  });
  const underWay = new Map<string, number>();
  let done = 0;
  bar.start(fileCount, 0, { done, files: fileCount, stage: '' });
  const draw = (stage: string) => {
    const partly = [...underWay.values()].reduce((sum, progress) => sum + progress, 0);
    bar.update(Math.min(fileCount, done + partly), { done, files: fileCount, stage });
  };
  return {
    fileProgress(file, progress, stage) {
      underWay.set(file, Math.min(progress, 0.99));
      draw(stage);
    },
    fileEnded(file, outcome, message) {
      underWay.delete(file);
      done += 1;
      if (outcome === 'failed') {
        bar.stop();
        process.stderr.write(`failed  ${message}\n`);
        bar.start(fileCount, done, { done, files: fileCount, stage: '' });
      }
      draw('');
    },
    stop: () => bar.stop(),
  };
}

function lineView(fileCount: number): ProgressView {
  let done = 0;
  return {
    fileProgress() {},
    fileEnded(_file, outcome, message) {
      done += 1;
      process.stderr.write(`[${done}/${fileCount}] ${outcome.padEnd(8)} ${message}\n`);
    },
    stop() {},
  };
}
