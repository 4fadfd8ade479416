import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadEngine } from '#model/engine/engine';

const run = promisify(execFile);
const repository = path.resolve(import.meta.dirname, '../../..');

/**
 * What a program that loads the engine and multiplies two matrices prints. Going to the network would throw.
 *
 * @param options literal options of `loadEngine`
 * @param broken  packages whose import throws in that program
 */
async function outputOfProgram(
  options: string,
  broken: string[] = [],
): Promise<{ stdout: string; stderr: string }> {
  const hook = `export const resolve = (name, context, next) => ${JSON.stringify(broken)}.includes(name)
    ? { url: 'data:text/javascript,throw new Error("broken")', shortCircuit: true } : next(name, context);`;
  const program = `
    import { register } from 'node:module';
    import { loadEngine } from '#model/engine/engine';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
    globalThis.fetch = () => { throw new Error('the engine went to the network'); };
    try {
      const { tf, name } = await loadEngine(${options});
      const listeners = process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
      console.log(name, tf.matMul([[2]], [[3]]).dataSync()[0], listeners);
    } catch (error) {
      console.log(error.name, error.code, error.message);
    }`;
  return run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd: repository,
  });
}

// Every case starts a Node process of its own, which takes its time on a busy machine.
describe('loadEngine', { timeout: 60_000 }, () => {
  it('answers the same engine however often it is called', async () => {
    const [first, second] = await Promise.all([loadEngine({ prefer: 'wasm' }), loadEngine()]);
    expect(second).toBe(first);
    expect(first.name).toBe('wasm');
    expect(first.tf.getBackend()).toBe('wasm');
  });

  it('prints nothing, fetches nothing and adds no process listener', async () => {
    const { stdout, stderr } = await outputOfProgram(`{ prefer: 'cpu' }`);
    expect(stderr).toBe('');
    expect(stdout).toBe('cpu 6 0\n');
  });

  it('falls back to wasm, as quietly, where the native package does not load', async () => {
    const { stdout, stderr } = await outputOfProgram('', ['@tensorflow/tfjs-node']);
    expect(stderr).toBe('');
    expect(stdout).toBe('wasm 6 0\n');
  });

  it('says what to do where no backend can be started', async () => {
    const broken = ['@tensorflow/tfjs-node', '@tensorflow/tfjs-backend-wasm'];
    const { stdout } = await outputOfProgram('', broken);
    expect(stdout).toMatch(/^EarshotError internal .*wasm.*npm ci/);
  });
});

describe('gradients.wasm', () => {
  it('is what its sources compile to', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'earshot-kernels-'));
    try {
      const built = path.join(folder, 'gradients.wasm');
      const kernels = path.join('libs', 'model', 'engine', 'kernels');
      const compiler = path.join(repository, 'node_modules', 'assemblyscript', 'bin', 'asc.js');
      const source = path.join(kernels, 'assembly', 'gradients.ts');
      const options = ['-O3', '--enable', 'simd', '--importMemory', '--runtime', 'stub', '-o', built];
      await run(process.execPath, [compiler, source, ...options], { cwd: repository });
      const committed = await readFile(path.join(repository, kernels, 'gradients.wasm'));
      expect((await readFile(built)).equals(committed)).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 60_000);

  it('brings no data of its own into the heap it shares', async () => {
    const file = path.join(repository, 'libs/model/engine/kernels/gradients.wasm');
    const module = new WebAssembly.Module(await readFile(file));
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
    expect(sectionIds(await readFile(file))).not.toContain(DATA_SECTION);
  });
});

const DATA_SECTION = 11;

/** The ids of a wasm file's sections: after the 8-byte header each is an id, a LEB128 length and so many bytes. */
function sectionIds(file: Buffer): number[] {
  const ids: number[] = [];
  let at = 8;
  while (at < file.length) {
    ids.push(file[at++]!);
    let length = 0;
    for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) {
      byte = file[at++]!;
      length |= (byte & 0x7f) << shift;
    }
    at += length;
  }
  return ids;
}
