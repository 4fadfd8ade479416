/**
 * The one place that starts ffmpeg and ffprobe: an argument array and never a shell, a limit on working time,
 * SIGKILL on timeout and abort, and the tail of stderr for the error's sentence. A process never outlives the
 * call that started it: it is killed when the caller gives up, when this process exits, and, should this process
 * be killed itself, by its closed pipes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex, Readable, Writable } from 'node:stream';
import { EarshotError } from '#core/errors';

const STDERR_TAIL_CHARS = 4000;
const MAX_COLLECTED_BYTES = 16 * 2 ** 20;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface FfmpegOptions {
  /** The media file, for the error. */
  subject: string;
  /** Working seconds allowed; see {@link FfmpegProcess.pauseClock}. */
  timeoutSec: number;
  signal?: AbortSignal;
  /** Open a pipe to fd 0. */
  writesStdin?: boolean;
  /** Open a pipe on fd 3, in either direction. */
  usesExtraPipe?: boolean;
}

export interface FfmpegExit {
  /** `null` when a signal ended it. */
  exitCode: number | null;
  stderrTail: string;
}

type StopReason = 'timeout' | 'cancelled' | 'closed';

/** One running ffmpeg or ffprobe. Whoever starts it calls `close` in the end, whatever happened. */
export class FfmpegProcess {
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  /** The pipe on fd 3, where one was asked for. */
  readonly extra: Duplex | null;
  readonly pid: number | undefined;
  readonly #child: ChildProcess;
  readonly #options: FfmpegOptions;
  readonly #exit: Promise<FfmpegExit>;
  readonly #onAbort = () => this.#stop('cancelled');
  #stopReason: StopReason | null = null;
  #remainingMs: number;
  #clockStartedAtMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(program: 'ffmpeg' | 'ffprobe', args: readonly string[], options: FfmpegOptions) {
    throwIfCancelled(options);
    const quiet = ['-hide_banner', '-v', 'error'];
    const child = spawn(
      program,
      program === 'ffmpeg' ? ['-nostdin', ...quiet, ...args] : [...quiet, ...args],
      {
        stdio: [
          options.writesStdin ? 'pipe' : 'ignore',
          'pipe',
          'pipe',
          ...(options.usesExtraPipe ? (['pipe'] as const) : []),
        ],
        windowsHide: true,
      },
    );
    this.#child = child;
    this.#options = options;
    this.#remainingMs = options.timeoutSec * 1000;
    this.pid = child.pid;
    this.stdin = child.stdin;
    this.stdout = child.stdout as Readable;
    this.extra = (child.stdio[3] as Duplex | null | undefined) ?? null;
    // A pipe breaks when its process ends early; the exit status and the failed write say so.
    for (const stream of [this.stdin, this.stdout, this.extra]) stream?.on('error', () => {});
    running.add(child);
    this.#exit = watchExit(child, program);
    // The rejection is met by whoever awaits `exited`; without this a caller that fails first would crash Node.
    this.#exit.catch(() => {});
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.resumeClock();
  }

  /** Stops counting working time, while ffmpeg waits for its reader or writer. */
  pauseClock(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#remainingMs -= performance.now() - this.#clockStartedAtMs;
  }

  resumeClock(): void {
    if (this.#timer !== null || this.#stopReason !== null) return;
    this.#clockStartedAtMs = performance.now();
    this.#timer = setTimeout(() => this.#stop('timeout'), Math.max(0, this.#remainingMs));
  }

  /**
   * The exit status, whatever it is.
   * @throws EarshotError `decode_timeout`, `cancelled` or `ffmpeg_missing`
   */
  async exited(): Promise<FfmpegExit> {
    const exit = await this.#exit;
    this.#release();
    if (this.#stopReason === 'timeout') {
      throw new EarshotError(
        'decode_timeout',
        `ffmpeg did not finish within ${this.#options.timeoutSec.toFixed(0)} s: the file is damaged or too heavy for this machine; re-encode it or raise the limit.`,
        { subject: this.#options.subject },
      );
    }
    throwIfCancelled(this.#options);
    return exit;
  }

  /** Kills the process if it still runs and waits until it is gone. */
  async close(): Promise<void> {
    this.#stop('closed');
    await this.#exit.catch(() => {});
    this.#release();
  }

  #stop(reason: StopReason): void {
    this.#stopReason ??= reason;
    this.#child.kill('SIGKILL');
    for (const stream of [this.stdin, this.stdout, this.extra]) stream?.destroy();
  }

  #release(): void {
    this.pauseClock();
    this.#stopReason ??= 'closed';
    running.delete(this.#child);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }
}

/**
 * Runs a program to its end and answers what it wrote to stdout, at most 16 MiB.
 * @throws EarshotError `decode_timeout`, `cancelled`, `ffmpeg_missing`, or `decode_failed` on too much output
 */
export async function collectOutput(
  program: 'ffmpeg' | 'ffprobe',
  args: readonly string[],
  options: FfmpegOptions,
  input?: Uint8Array,
): Promise<FfmpegExit & { stdout: Buffer }> {
  const child = new FfmpegProcess(program, args, { ...options, writesStdin: input !== undefined });
  try {
    child.stdin?.end(input);
    const parts: Buffer[] = [];
    let collectedBytes = 0;
    child.stdout.on('data', (part: Buffer) => {
      collectedBytes += part.length;
      if (collectedBytes <= MAX_COLLECTED_BYTES) parts.push(part);
    });
    const ended = new Promise<void>((resolve) => child.stdout.once('close', resolve));
    const exit = await child.exited();
    await ended;
    if (collectedBytes > MAX_COLLECTED_BYTES) {
      throw new EarshotError(
        'decode_failed',
        `${program} answered more than was asked of it; the file is refused.`,
        {
          subject: options.subject,
        },
      );
    }
    return { ...exit, stdout: Buffer.concat(parts) };
  } finally {
    await child.close();
  }
}

function throwIfCancelled({ signal, subject }: FfmpegOptions): void {
  if (signal?.aborted) {
    throw new EarshotError('cancelled', 'The work was cancelled.', { subject, cause: signal.reason });
  }
}

function watchExit(child: ChildProcess, program: string): Promise<FfmpegExit> {
  let stderrTail = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    stderrTail = (stderrTail + text).slice(-STDERR_TAIL_CHARS);
  });
  const stderrClosed = new Promise<void>((resolve) => child.stderr?.once('close', resolve));
  return new Promise<FfmpegExit>((resolve, reject) => {
    child.once('error', (error) => {
      running.delete(child);
      if (child.pid === undefined) reject(missingProgram(program, error));
    });
    child.once('exit', (exitCode) => {
      running.delete(child);
      void stderrClosed.then(() => resolve({ exitCode, stderrTail }));
    });
  });
}

function missingProgram(program: string, cause: Error): EarshotError {
  return new EarshotError(
    'ffmpeg_missing',
    `${program} could not be started (${cause.message}). Install it: \`apt-get install ffmpeg\` on Debian, \`brew install ffmpeg\` on macOS, \`winget install ffmpeg\` on Windows.`,
    { subject: program, cause },
  );
}
