/** Real child processes running TypeScript, for what only another process can show. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

export interface Child {
  pid: number;
  /** The next line the child prints; an error when it ends instead. */
  line(): Promise<string>;
  tell(text: string): void;
  /** Kills it and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts `script` (a file URL); it is killed when the test ends. */
export function startChild(script: URL, args: string[]): Child {
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', script.pathname, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
  };
  onTestFinished(() => kill('SIGKILL'));
  return {
    pid: child.pid as number,
    async line() {
      const { value, done } = await lines.next();
      if (done) throw new Error('the child ended without a line');
      return value;
    },
    tell: (text) => void child.stdin?.write(`${text}\n`),
    kill,
  };
}
