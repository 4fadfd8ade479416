/** Who a process is, beyond its number: numbers are used again, and mean nothing in another container. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  pid: number;
  /** Start of the process in clock ticks since boot; null where the system does not tell. */
  startTicks: string | null;
  /** Machine, boot and process namespace: within one place, equal numbers mean equal processes. */
  place: string;
}

export function thisProcess(): ProcessIdentity {
  const boot = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = attempt(() => readlinkSync('/proc/self/ns/pid'));
  return {
    pid: process.pid,
    startTicks: readStat(process.pid)?.startTicks ?? null,
    place: [hostname(), boot, namespace].join(' '),
  };
}

/** `unknown` when it ran elsewhere, or when the system tells no start times and the number is in use. */
export function processState(identity: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  if (identity.place !== thisProcess().place) return 'unknown';
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  const stat = readStat(identity.pid);
  if (!stat || identity.startTicks === null) return 'unknown';
  // A zombie has let go of everything it held.
  return stat.state !== 'Z' && stat.startTicks === identity.startTicks ? 'alive' : 'dead';
}

function readStat(pid: number): { state: string; startTicks: string } | null {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (text === null) return null;
  // The name in brackets may hold anything, brackets and blanks included; field 3 follows its last bracket.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state && startTicks ? { state, startTicks } : null;
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
