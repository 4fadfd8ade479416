/**
 * How much ingest costs beyond decoding: a minute of 720p through `addClip` to the end of its job, against ffmpeg's
 * own decode of the same file to the same frames and samples. Run with `node --import tsx bench/ingest.ts`.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pino from 'pino';
import type { LocalCatalogService } from '#catalog/catalog-service';
import { loadConfig } from '#catalog/config';
import { openCatalog } from '#catalog/open-catalog';
import { readModelInfo } from '#model/load-model';

const run = promisify(execFile);
const TARGET_RATIO = 2.5;
const ROUNDS = 3;

async function ffmpeg(args: readonly string[]): Promise<void> {
  await run('ffmpeg', ['-hide_banner', '-v', 'error', '-nostdin', '-y', ...args]);
}

/** `seed` makes the bytes, and so the clip, another. */
async function makeClip(file: string, durationSec: number, seed: number): Promise<void> {
  const picture = `testsrc2=s=1280x720:r=25:d=${durationSec}`;
  const sound = `anoisesrc=c=pink:a=0.1:r=44100:d=${durationSec}:seed=${seed}[n];sine=f=440:r=44100:d=${durationSec}[s];[n][s]amix`;
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound];
  await ffmpeg([
    ...inputs,
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
    file,
  ]);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

async function ingest(catalog: LocalCatalogService, file: string): Promise<void> {
  const { job } = await catalog.addClip({ source: { path: file } });
  if (job === null) throw new Error('the clip was there already');
  for await (const { status, error } of catalog.watchJob(job.id)) {
    if (status === 'failed') throw new Error(error?.message);
  }
}

async function main(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'earshot-bench-'));
  const config = loadConfig({ EARSHOT_DATA_DIR: path.join(folder, 'data') }, { envFile: null });
  const model = await readModelInfo(path.join(import.meta.dirname, '..', 'models', config.model));
  const catalog = await openCatalog(config, { logger: pino({ level: 'warn' }) });
  try {
    await catalog.startWorker();
    const warmUp = path.join(folder, 'warm-up.mp4');
    await makeClip(warmUp, 5, 0);
    await ingest(catalog, warmUp);
    const { rateHz, width, height } = model.videoInput;
    const frames = [
      '-map',
      '0:v',
      '-vf',
      `fps=${rateHz},scale=${width}:${height},format=rgb24`,
      '-f',
      'null',
      '-',
    ];
    const samples = [
      '-map',
      '0:a',
      '-ac',
      '1',
      '-ar',
      String(model.audioInput.sampleRateHz),
      '-f',
      'null',
      '-',
    ];
    const ratios: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const file = path.join(folder, `clip-${round}.mp4`);
      await makeClip(file, 60, round);
      const decodeSec = await timed(() => ffmpeg(['-i', file, ...frames, ...samples]));
      const ingestSec = await timed(() => ingest(catalog, file));
      ratios.push(ingestSec / decodeSec);
      console.log(
        `decode ${decodeSec.toFixed(2)} s, ingest ${ingestSec.toFixed(2)} s, ratio ${(ingestSec / decodeSec).toFixed(2)}`,
      );
    }
    const median = ratios.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
    console.log(`median ratio ${median.toFixed(2)} (target <= ${TARGET_RATIO})`);
  } finally {
    await catalog.close();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
