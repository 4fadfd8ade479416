/** Processor time of repeated calls. */

const MEASURED_SEC = 2;

/**
 * Seconds of processor time a call, over at least two seconds of it. Not wall clock: what else runs on the machine
 * then matters little, and an engine that takes more cores gains nothing by it.
 */
export async function processorSecPerCall(work: () => Promise<unknown>): Promise<number> {
  await work();
  const before = process.cpuUsage();
  for (let calls = 1; ; calls++) {
    await work();
    const { user, system } = process.cpuUsage(before);
    const elapsedSec = (user + system) / 1e6;
    if (elapsedSec >= MEASURED_SEC && calls >= 3) return elapsedSec / calls;
  }
}
