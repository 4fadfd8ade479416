/**
 * What it costs to separate 10 s of film in two sizes, decoding and writing included, and how much of that is ffmpeg's. The
 * processor time of its processes is what Linux says of children that have ended. Run with `npx tsx bench/separation.ts [MODEL_FOLDER]`.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { separateMedia } from '#catalog/separation/separate-media';
import { probe } from '#media/probe';
import { SeparationModel } from '#model/separation/separation-model';

const run = promisify(execFile);
const SIZES = ['640x360', '1280x720'] as const;
const LENGTH_SEC = 10;
const TARGET_SEC = 2;
const ROUNDS = 3;
/** Of the clock that processor times of children are counted by. */
const TICKS_PER_SEC = 100;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

async function makeMixture(file: string, size: string): Promise<void> {
  const picture = `testsrc2=s=${size}:r=25:d=${LENGTH_SEC}`;
  const sound = `anoisesrc=c=pink:a=0.1:r=44100:d=${LENGTH_SEC}:seed=1[n];sine=f=440:r=44100:d=${LENGTH_SEC}[s];[n][s]amix`;
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound];
  const codecs = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  await run('ffmpeg', ['-hide_banner', '-v', 'error', '-y', ...inputs, ...codecs, file]);
}

/** Processor seconds of all child processes that have ended so far: `cutime` and `cstime`, see `man 5 proc`. */
async function childrenSec(): Promise<number> {
  const stat = await readFile('/proc/self/stat', 'utf8');
  // The second field, the program's name in brackets, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SEC;
}

async function measure(size: string, model: SeparationModel, folder: string): Promise<void> {
  const file = path.join(folder, 'mixture.mp4');
  await makeMixture(file, size);
  const info = await probe(file);
  const mixture = { file, info, startSec: 0, endSec: LENGTH_SEC };
  const job = { mixture, like: null, region: { x: 0, y: 0, width: 0.5, height: 1 }, folder };
  await separateMedia(job, model);
  const rounds = { own: [] as number[], ffmpeg: [] as number[], wall: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    const childrenBefore = await childrenSec();
    const before = process.cpuUsage();
    const startedAt = performance.now();
    await separateMedia(job, model);
    rounds.wall.push((performance.now() - startedAt) / 1000);
    const { user, system } = process.cpuUsage(before);
    rounds.own.push((user + system) / 1e6);
    rounds.ffmpeg.push((await childrenSec()) - childrenBefore);
  }
  const [own, ffmpeg, wall] = [median(rounds.own), median(rounds.ffmpeg), median(rounds.wall)];
  const total = own + ffmpeg;
  console.log(
    `${size}, processor time: ${own.toFixed(2)} s of its own and ${ffmpeg.toFixed(2)} s of ffmpeg's, together ${total.toFixed(2)} s for ${LENGTH_SEC} s of film (${(total / LENGTH_SEC).toFixed(3)} of real time, ${(total / ffmpeg).toFixed(1)} times ffmpeg's); by the clock ${wall.toFixed(2)} s`,
  );
  console.log(`target ${TARGET_SEC} s on one core: ${total < TARGET_SEC ? 'reached' : 'missed'}`);
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-bench-'));
try {
  const modelFolder = process.argv[2] ?? path.join(import.meta.dirname, '..', 'models', 'separation');
  const model = await SeparationModel.load(modelFolder);
  const load = os.loadavg()[0]?.toFixed(2);
  console.log(`load average ${load} on ${os.availableParallelism()} cores; median of ${ROUNDS}`);
  for (const size of SIZES) await measure(size, model, folder);
  await model.dispose();
} finally {
  await rm(folder, { recursive: true, force: true });
}
