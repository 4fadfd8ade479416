/** A progress bar for long work in stages: drawn for a person, one line in a hundred for a log. */
import cliProgress from 'cli-progress';

export class StageBar {
  #bar: cliProgress.SingleBar | null = null;
  #stage = '';
  #lastPercent = -1;

  /** @param note stands behind the numbers, e.g. the loss */
  update(stage: string, done: number, total: number, note = ''): void {
    if (process.stderr.isTTY) this.#draw(stage, done, total, note);
    else this.#line(stage, done, total, note);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = null;
  }

  #draw(stage: string, done: number, total: number, note: string): void {
    if (stage !== this.#stage || this.#bar === null) {
      this.stop();
      this.#stage = stage;
      this.#bar = new cliProgress.SingleBar({
        format: `${stage.padEnd(12)} {bar} {value}/{total}  {eta_formatted} left  {note}`,
        barsize: 30,
        hideCursor: true,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        stream: process.stderr,
      });
      this.#bar.start(total, done, { note });
    }
    this.#bar.update(done, { note });
  }

  #line(stage: string, done: number, total: number, note: string): void {
    const percent = Math.floor((100 * done) / total);
    if (stage === this.#stage && percent < this.#lastPercent + 10 && done < total) return;
    this.#stage = stage;
    this.#lastPercent = percent;
    process.stderr.write(`${stage} ${done}/${total} ${note}\n`);
  }
}
