/**
 * `earshot corpus`: plans every clip from the seed, plays and renders it, and writes the manifests. Clips that are
 * there already are kept, so a stopped run goes on where it was.
 */
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Piscina } from 'piscina';
import { EarshotError } from '#core/errors';
import { type ClipPlan, chooseSources, planClips } from './clip-plan.ts';
import { assertDisjoint } from './disjoint-splits.ts';
import { formatManifest, type ManifestEntry, manifestFile, manifestHash, readManifest } from './manifest.ts';
import { DRAWN_CLASSES, type Performance, type SoundClass, SPLITS, type Split } from './performance.ts';
import { planScene } from './picture/scene-plan.ts';
import { recordedClasses } from './recordings/catalogue.ts';
import { INSTALLED_MEDIA, loadRecordings, type RecordingLibrary } from './recordings/library.ts';
import { manifestEntry, type RenderTask } from './render-clip-worker.ts';
import { performAll } from './sound/perform.ts';

export interface CorpusOptions {
  folder: string;
  seed: number;
  /** Number of clips of each split; a split that is not named is not made. The classes take turns. */
  clips: Partial<Record<Split, number>>;
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
  clips: { train: 1750, validation: 200, test: 400, unseen: 240 },
  durationSec: 5,
  frameRateHz: 25,
  frameSize: 192,
  crf: 26,
};

export interface CorpusSummary {
  folder: string;
  splits: Partial<Record<Split, { clips: number; manifestSha256: string }>>;
}

/** Sizes of the splits that are only made when asked for. */
export const FURTHER_SPLITS: Partial<Record<Split, number>> = {
  'test-duets-unlike': 100,
  'test-duets-like': 100,
  'test-trios': 60,
  'test-distractors': 60,
  'test-offscreen': 60,
  'train-duets': 800,
  'train-trios': 200,
  'train-distractors': 200,
  'train-offscreen': 200,
};

/** Test splits come first: their manifests are fixed before a training clip exists. */
const ORDER: readonly Split[] = [
  ...SPLITS.filter((split) => split.startsWith('test') || split === 'unseen'),
  'validation',
  ...SPLITS.filter((split) => split.startsWith('train')),
];

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
  const splits: CorpusSummary['splits'] = {};
  try {
    for (const split of ORDER) {
      if (options.clips[split] === undefined) continue;
      const entries = await generateSplit(split, { ...options, library: recordings }, pool, threads);
      await writeFile(manifestFile(options.folder, split), formatManifest(entries));
      splits[split] = { clips: entries.length, manifestSha256: manifestHash(entries) };
    }
  } finally {
    await pool.destroy();
  }
  assertDisjoint((await manifestsOf(options.folder)).flat());
  return { folder: options.folder, splits };
}

/** Those of this call and of earlier ones. */
async function manifestsOf(folder: string): Promise<ManifestEntry[][]> {
  const made = await Promise.all(
    ORDER.map(async (split) => ((await exists(manifestFile(folder, split))) ? [split] : [])),
  );
  return Promise.all(made.flat().map((split) => readManifest(folder, split)));
}

async function generateSplit(
  split: Split,
  options: CorpusOptions & { library: RecordingLibrary },
  pool: Piscina<RenderTask, ManifestEntry>,
  threads: number,
): Promise<ManifestEntry[]> {
  await mkdir(path.join(options.folder, split), { recursive: true });
  const plans = planClips(split, options.clips[split] ?? 0, { ...options, classes: classesOf(options) });
  const entries: ManifestEntry[] = [];
  const running = new Set<Promise<void>>();
  let done = 0;
  let waiting: Performance[] = [];
  let at = 0;
  const performances = performAll(
    plans.flatMap(({ requests }) => requests),
    {
      seed: options.seed,
      recordings: options.library,
      workDir: path.join(options.folder, 'work'),
      signal: options.signal,
    },
  );
  for await (const performance of performances) {
    const plan = plans[at] as ClipPlan;
    waiting.push(performance);
    if (waiting.length < plan.requests.length) continue;
    const task = planTask(plan, chooseSources(plan, waiting), options);
    waiting = [];
    at++;
    const render = (async () => {
      const there = await exists(path.join(options.folder, split, `${task.id}.json`));
      entries[plan.position] = there ? manifestEntry(task) : await pool.run(task, { signal: options.signal });
      options.onProgress?.({ split, done: ++done, total: plans.length });
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

function planTask(plan: ClipPlan, sources: Performance[], options: CorpusOptions): RenderTask {
  const { split, position, actors, venue } = plan;
  const label = sources.map(({ soundClass }) => soundClass).join('-');
  return {
    id: `${split}-${String(position).padStart(5, '0')}-${label}`,
    split,
    folder: options.folder,
    sources,
    actorSources: actors.map(({ source }) => source),
    mediaSources: options.mediaSources ?? INSTALLED_MEDIA,
    crf: options.crf,
    scene: planScene({
      seed: options.seed,
      split,
      index: position,
      soundClasses: actors.map(({ soundClass }) => soundClass),
      performances: actors.map(({ source }) => (source === null ? null : (sources[source] ?? null))),
      venue,
      width: options.frameSize,
      height: options.frameSize,
      frameRateHz: options.frameRateHz,
      durationSec: options.durationSec,
    }),
  };
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
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
