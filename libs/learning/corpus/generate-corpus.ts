/**
 * `earshot corpus`: plans every clip from the seed, plays and renders it, and writes the manifests. Clips that are
 * there already are kept, so a stopped run goes on where it was.
 */
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Piscina } from 'piscina';
import { EarshotError } from '#core/errors';
import { formatManifest, type ManifestEntry, manifestFile, manifestHash } from './manifest.ts';
import {
  DRAWN_CLASSES,
  type Performance,
  type PerformanceRequest,
  type SoundClass,
  type Split,
} from './performance.ts';
import { planScene } from './picture/scene-plan.ts';
import { recordedClasses } from './recordings/catalogue.ts';
import { INSTALLED_MEDIA, loadRecordings, type RecordingLibrary } from './recordings/library.ts';
import { manifestEntry, type RenderTask } from './render-clip-worker.ts';
import { performAll } from './sound/perform.ts';

export interface CorpusOptions {
  folder: string;
  seed: number;
  /** Number of clips; the classes take turns. */
  clips: Record<Split, number>;
  /** Only these kinds of object; unless told, the drawn ones and those that `recordings` names. */
  classes?: readonly SoundClass[];
  /** Recorded kinds: none, those whose files are all public domain or Creative Commons (unless told), or all. */
  recordings?: 'none' | 'open' | 'all';
  /** Root of the tree of Debian packages that recordings are taken from; the installed ones unless told. */
  mediaSources?: string;
  durationSec: number;
  frameRateHz: number;
  frameSize: number;
  crf: number;
  threads?: number;
  signal?: AbortSignal;
  onProgress?(progress: { split: Split; done: number; total: number }): void;
}

export const DEFAULT_CORPUS = {
  seed: 1,
  clips: { train: 1620, validation: 180, test: 400 },
  durationSec: 5,
  frameRateHz: 25,
  frameSize: 192,
  crf: 26,
};

export interface CorpusSummary {
  folder: string;
  splits: Record<Split, { clips: number; manifestSha256: string }>;
}

/** The test split comes first: its manifest is fixed before a training clip exists. */
const ORDER: readonly Split[] = ['test', 'validation', 'train'];

/** Renders waiting for a thread: enough to keep all busy, few enough to hold in memory. */
const QUEUED_PER_THREAD = 3;

/**
 * @throws EarshotError `conflict` when the folder holds a corpus made with other settings, `invalid_argument` where
 *   fluidsynth, the soundfont or the packages of recordings are missing, `cancelled` on abort
 */
export async function generateCorpus(options: CorpusOptions): Promise<CorpusSummary> {
  await mkdir(options.folder, { recursive: true });
  const recordings = await loadRecordings(classesOf(options), {
    mediaSources: options.mediaSources ?? INSTALLED_MEDIA,
    gplSources: options.recordings === 'all',
    workDir: path.join(options.folder, 'work'),
    signal: options.signal,
  });
  // Only now: a folder must not be bound to settings that cannot be met here.
  await holdSettings(options);
  const threads = options.threads ?? Math.max(1, os.availableParallelism());
  const pool = new Piscina<RenderTask, ManifestEntry>({
    filename: new URL('./render-clip-worker.ts', import.meta.url).href,
    execArgv: ['--import', import.meta.resolve('tsx')],
    minThreads: threads,
    maxThreads: threads,
  });
  const splits = {} as CorpusSummary['splits'];
  try {
    for (const split of ORDER) {
      const entries = await generateSplit(split, { ...options, library: recordings }, pool, threads);
      await writeFile(manifestFile(options.folder, split), formatManifest(entries));
      splits[split] = { clips: entries.length, manifestSha256: manifestHash(entries) };
    }
  } finally {
    await pool.destroy();
  }
  const summary: CorpusSummary = { folder: options.folder, splits };
  assertDisjoint(
    await Promise.all(ORDER.map(async (split) => readFile(manifestFile(options.folder, split), 'utf8'))),
  );
  return summary;
}

async function generateSplit(
  split: Split,
  options: CorpusOptions & { library: RecordingLibrary },
  pool: Piscina<RenderTask, ManifestEntry>,
  threads: number,
): Promise<ManifestEntry[]> {
  await mkdir(path.join(options.folder, split), { recursive: true });
  const requests = planRequests(split, options);
  const entries: ManifestEntry[] = [];
  const running = new Set<Promise<void>>();
  let position = 0;
  let done = 0;
  for await (const performance of performAll(requests, {
    seed: options.seed,
    recordings: options.library,
    workDir: path.join(options.folder, 'work'),
    signal: options.signal,
  })) {
    const at = position++;
    const task = planTask(at, requests[at] as PerformanceRequest, performance, options);
    const render = (async () => {
      const there = await isWhole(path.join(options.folder, split, `${task.id}.json`));
      entries[at] = there ? manifestEntry(task) : await pool.run(task, { signal: options.signal });
      options.onProgress?.({ split, done: ++done, total: requests.length });
    })();
    const tracked = render.finally(() => running.delete(tracked));
    running.add(tracked);
    if (running.size >= threads * QUEUED_PER_THREAD) await Promise.race(running);
  }
  await Promise.all(running);
  return entries;
}

function classesOf({ classes, recordings = 'open' }: CorpusOptions): readonly SoundClass[] {
  if (classes) return classes;
  return recordings === 'none' ? DRAWN_CLASSES : [...DRAWN_CLASSES, ...recordedClasses(recordings === 'all')];
}

/** Classes take turns, so that any prefix of a split is balanced. */
function planRequests(split: Split, options: CorpusOptions): PerformanceRequest[] {
  const classes = classesOf(options);
  return Array.from({ length: options.clips[split] }, (_, i) => ({
    soundClass: classes[i % classes.length] as SoundClass,
    split,
    index: Math.floor(i / classes.length),
    durationSec: options.durationSec,
  }));
}

function planTask(
  position: number,
  request: PerformanceRequest,
  performance: Performance,
  options: CorpusOptions,
): RenderTask {
  const { split, soundClass, index } = request;
  return {
    id: `${split}-${String(position).padStart(5, '0')}-${soundClass}`,
    folder: options.folder,
    performance,
    mediaSources: options.mediaSources ?? INSTALLED_MEDIA,
    crf: options.crf,
    scene: planScene({
      seed: options.seed,
      split,
      index,
      soundClasses: [soundClass],
      width: options.frameSize,
      height: options.frameSize,
      frameRateHz: options.frameRateHz,
      durationSec: options.durationSec,
    }),
  };
}

async function isWhole(truthFile: string): Promise<boolean> {
  return access(truthFile).then(
    () => true,
    () => false,
  );
}

/** A folder belongs to one set of settings; clips of two would mix silently otherwise. */
async function holdSettings(options: CorpusOptions): Promise<void> {
  const { seed, durationSec, frameRateHz, frameSize, crf, classes, recordings = 'open' } = options;
  const held = {
    format: 'earshot-corpus/2',
    seed,
    durationSec,
    frameRateHz,
    frameSize,
    crf,
    classes,
    recordings,
  };
  const settings = `${JSON.stringify(held, null, 2)}\n`;
  const file = path.join(options.folder, 'corpus.json');
  const found = await readFile(file, 'utf8').catch(() => null);
  if (found === null) await writeFile(file, settings);
  else if (found !== settings) {
    throw new EarshotError(
      'conflict',
      `${options.folder} holds a corpus made with other settings: choose another folder or remove it.`,
      {
        subject: options.folder,
      },
    );
  }
}

/** What no two splits may share, checked on every corpus that is made. */
function assertDisjoint(manifests: readonly string[]): void {
  const owner = new Map<string, number>();
  manifests.forEach((text, split) => {
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const { phraseId, contentSha256 } = JSON.parse(line) as ManifestEntry;
      for (const key of [phraseId, contentSha256]) {
        if ((owner.get(key) ?? split) !== split) {
          throw new EarshotError('internal', `Two splits of the corpus share ${key}.`, { subject: key });
        }
        owner.set(key, split);
      }
    }
  });
}
