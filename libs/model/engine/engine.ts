/**
 * TensorFlow.js, ready for training: native (`@tensorflow/tfjs-node`) where that optional package is installed,
 * else WebAssembly with the kernels of `kernels/`. TensorFlow.js keeps one active backend a process, so there is
 * one engine a process (and one a worker thread).
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import util from 'node:util';
import { EarshotError } from '#core/errors';
import { installWasmKernels } from './kernels/install.ts';

export type TensorFlow = typeof import('@tensorflow/tfjs');

type EngineName = 'node' | 'wasm' | 'cpu';

export interface Engine {
  tf: TensorFlow;
  name: EngineName;
}

interface EngineOptions {
  /**
   * `node`: native if installed, else wasm (the default). `wasm`: never native. `cpu`: plain JavaScript, 20 to 30
   * times slower, for small parity checks.
   */
  prefer?: EngineName;
}

let loading: Promise<Engine> | undefined;

/**
 * Loads TensorFlow.js once; every later call answers the same engine, whatever it prefers.
 *
 * @throws EarshotError `internal` when no backend can be started; the next call tries again
 */
export function loadEngine(options: EngineOptions = {}): Promise<Engine> {
  loading ??= startEngine(options.prefer ?? 'node').catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function startEngine(prefer: EngineName): Promise<Engine> {
  const tf = await importTensorFlow();
  if (prefer === 'node' && (await startNative(tf))) return { tf, name: 'node' };
  const name = prefer === 'cpu' ? 'cpu' : 'wasm';
  try {
    if (name === 'wasm') await importWasmBackend();
    if (!(await keepingProcessListeners(() => tf.setBackend(name)))) {
      throw new Error(`backend '${name}' did not initialise`);
    }
    if (name === 'wasm') await installWasmKernels(tf);
  } catch (cause) {
    throw new EarshotError(
      'internal',
      `TensorFlow.js could not start its ${name} backend: reinstall the dependencies with "npm ci".`,
      { subject: name, cause },
    );
  }
  return { tf, name };
}

async function importTensorFlow(): Promise<TensorFlow> {
  const tf = await import('@tensorflow/tfjs');
  // Production mode does one thing: TensorFlow.js keeps its banner and its advice off our stdout and stderr.
  tf.enableProdMode();
  return tf;
}

/** Tries the native backend; `false` where the package is missing, half installed or built for another Node. */
async function startNative(tf: TensorFlow): Promise<boolean> {
  // Removed in Node 23, still called by tfjs-node.
  const legacyUtil = util as { isNullOrUndefined?: (value: unknown) => boolean };
  legacyUtil.isNullOrUndefined ??= (value) => value === null || value === undefined;
  // The name is a variable so that the compiler does not ask for an optional package.
  const nativePackage: string = '@tensorflow/tfjs-node';
  try {
    await import(nativePackage);
    return await tf.setBackend('tensorflow');
  } catch {
    return false;
  }
}

async function importWasmBackend(): Promise<void> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  // Named outright, the binaries are read from the package's folder and never fetched.
  wasm.setWasmPaths(`${path.dirname(entry)}${path.sep}`);
}

/**
 * Runs `start` and takes away the process-wide listeners it added. Emscripten's loader registers two that rethrow
 * every stray error of the whole program, with its minified source in front.
 */
async function keepingProcessListeners<T>(start: () => Promise<T>): Promise<T> {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const emitter: NodeJS.EventEmitter = process;
  const before = events.map((event) => new Set(emitter.listeners(event)));
  try {
    return await start();
  } finally {
    events.forEach((event, i) => {
      for (const listener of emitter.listeners(event)) {
        if (!before[i]?.has(listener))
          emitter.removeListener(event, listener as (...args: unknown[]) => void);
      }
    });
  }
}
