/**
 * One owner for the data folder. PGlite lets two processes open the same files and loses the work of one, so
 * nothing in the folder is touched without this lock.
 *
 * Each contender puts down a claim, a file of a unique name, and then looks for others: of two who come at once, at
 * least one sees the other and steps back. Claims of dead processes are deleted; their names never come again, so
 * nobody can delete a living claim by mistake.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { asEarshotError, EarshotError } from '#core/errors';
import { type ProcessIdentity, processState, thisProcess } from './process-identity.ts';

interface Claim {
  token: string;
  process: ProcessIdentity;
  state: 'contending' | 'owner';
  /** Where the owner serves its API. */
  url: string | null;
}

export interface DataFolderOwner {
  pid: number;
  url: string | null;
}

export interface DataFolderLock {
  /** Tells commands where to reach this process. */
  setUrl(url: string | null): Promise<void>;
  release(): Promise<void>;
}

const BEAT_MS = 2000;
/** How long a claim from elsewhere may show no sign of life while we watch it. */
const WATCH_MS = 12_000;
/** So much older than our own, a claim from elsewhere is dead without being watched. */
const SURELY_DEAD_MS = 120_000;
const CONTENTION_ROUNDS = 40;

/**
 * Becomes the owner of the data folder, which is made where missing. A claim left by a process of another container
 * or machine is watched for some seconds before it is taken for dead.
 * @throws EarshotError `data_folder_in_use` naming the owner, `storage_failed` when the folder can't be written
 */
export async function lockDataFolder(dataDir: string): Promise<DataFolderLock> {
  const folder = await lockFolder(dataDir);
  for (let round = 0; round < CONTENTION_ROUNDS; round++) {
    const claim: Claim = { token: randomUUID(), process: thisProcess(), state: 'contending', url: null };
    await writeClaim(folder, claim);
    try {
      const rival = await livingRival(folder, claim.token);
      if (!rival) return await own(folder, claim);
      await removeClaim(folder, claim.token);
      if (rival.state === 'owner') throw inUse(dataDir, rival);
    } catch (error) {
      await removeClaim(folder, claim.token);
      throw error;
    }
    await delay(10 + Math.random() * 90);
  }
  throw inUse(dataDir, null);
}

/** Who owns the folder now; null when nobody does. Never waits, so a claim from elsewhere counts as living. */
export async function dataFolderOwner(dataDir: string): Promise<DataFolderOwner | null> {
  for (const claim of await readClaims(path.join(dataDir, 'lock'))) {
    if (claim.state === 'owner' && processState(claim.process) !== 'dead') {
      return { pid: claim.process.pid, url: claim.url };
    }
  }
  return null;
}

async function own(folder: string, claim: Claim): Promise<DataFolderLock> {
  let current: Claim = { ...claim, state: 'owner' };
  await writeClaim(folder, current);
  const beat = setInterval(() => {
    const now = new Date();
    utimes(claimPath(folder, claim.token), now, now).catch(() => undefined);
  }, BEAT_MS);
  beat.unref();
  return {
    async setUrl(url) {
      current = { ...current, url };
      await writeClaim(folder, current);
    },
    async release() {
      clearInterval(beat);
      await removeClaim(folder, claim.token);
    },
  };
}

/** The first claim beside ours that lives; dead ones are cleared away. */
async function livingRival(folder: string, ownToken: string): Promise<Claim | null> {
  for (const claim of await readClaims(folder)) {
    if (claim.token === ownToken) continue;
    const state = processState(claim.process);
    const alive = state === 'unknown' ? await showsLife(folder, claim.token, ownToken) : state === 'alive';
    if (alive) return claim;
    await removeClaim(folder, claim.token);
  }
  return null;
}

/** Compares file times with file times only, because another machine's clock may be off. */
async function showsLife(folder: string, token: string, ownToken: string): Promise<boolean> {
  const first = await modifiedMs(folder, token);
  const own = await modifiedMs(folder, ownToken);
  if (first === null) return false;
  if (own !== null && own - first > SURELY_DEAD_MS) return false;
  for (let waitedMs = 0; waitedMs < WATCH_MS; waitedMs += 250) {
    await delay(250);
    const now = await modifiedMs(folder, token);
    if (now === null) return false;
    if (now !== first) return true;
  }
  return false;
}

function inUse(dataDir: string, owner: Claim | null): EarshotError {
  const who = owner ? `process ${owner.process.pid}` : 'another process';
  const where = owner?.url ? `, which serves ${owner.url}` : '';
  const advice = owner?.url
    ? 'Send the command to it (EARSHOT_API_URL), stop it, or choose another folder with EARSHOT_DATA_DIR.'
    : 'Wait for it to end, stop it, or choose another folder with EARSHOT_DATA_DIR.';
  return new EarshotError(
    'data_folder_in_use',
    `The data folder ${dataDir} is in use by ${who}${where}. ${advice}`,
    {
      subject: dataDir,
      retryable: true,
    },
  );
}

async function lockFolder(dataDir: string): Promise<string> {
  const folder = path.join(dataDir, 'lock');
  try {
    await mkdir(folder, { recursive: true });
    return folder;
  } catch (cause) {
    throw unwritable(folder, cause);
  }
}

function unwritable(folder: string, cause: unknown): EarshotError {
  const known = asEarshotError(cause);
  if (known.code === 'disk_full') return known;
  return new EarshotError('storage_failed', `The folder ${folder} can't be written: ${known.message}.`, {
    subject: folder,
    cause,
  });
}

function claimPath(folder: string, token: string): string {
  return path.join(folder, `${token}.json`);
}

/** Whole or not at all: a reader never meets half a claim. */
async function writeClaim(folder: string, claim: Claim): Promise<void> {
  const draft = path.join(folder, `${claim.token}.draft`);
  try {
    await writeFile(draft, JSON.stringify(claim));
    await rename(draft, claimPath(folder, claim.token));
  } catch (cause) {
    await rm(draft, { force: true });
    throw unwritable(folder, cause);
  }
}

async function removeClaim(folder: string, token: string): Promise<void> {
  await rm(claimPath(folder, token), { force: true });
}

async function readClaims(folder: string): Promise<Claim[]> {
  const names = await readdir(folder).catch(() => []);
  const claims = names
    .filter((name) => name.endsWith('.json'))
    .map((name) => readClaim(path.join(folder, name)));
  return (await Promise.all(claims)).filter((claim) => claim !== null);
}

async function readClaim(file: string): Promise<Claim | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    // Released between listing and reading, or not ours.
    return null;
  }
}

async function modifiedMs(folder: string, token: string): Promise<number | null> {
  const info = await stat(claimPath(folder, token)).catch(() => null);
  return info?.mtimeMs ?? null;
}
