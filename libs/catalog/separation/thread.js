/**
 * Where the separation thread begins. Plain JavaScript, because a thread does not inherit the loader that lets the
 * process run TypeScript: it is registered here, then the worker itself is loaded.
 */
import { register } from 'tsx/esm/api';

register();

const worker = import('./separation-worker.ts');

/** Hands one task to the worker. */
export default async function run(task) {
  const { default: runSeparation } = await worker;
  return runSeparation(task);
}
