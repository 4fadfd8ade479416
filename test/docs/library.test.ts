import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

it('the example of docs/library.md runs and prints what the page says', async () => {
  const page = readFileSync(`${ROOT}docs/library.md`, 'utf8');
  const block = (language: string) =>
    new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] as string;
  const run = ['--import', 'tsx', '--input-type=module', '-e', block('js')];
  const { stdout } = await promisify(execFile)(process.execPath, run, { cwd: ROOT });
  expect(stdout).toBe(block('text'));
}, 120_000);
