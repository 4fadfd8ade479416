/**
 * What it costs to show where the sound of a 5 s clip of 720p comes from, at 5 maps a second, from file to files: decoding
 * included, start of the model apart. Beside it ffmpeg's own decode of the same file to the same frames and samples.
 * Processor time on one core: `taskset -c 0 npx tsx bench/localization.ts [MODEL_FOLDER]`.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { writeLocalization, writeSources } from '#catalog/analysis/localization-files';
import { findMaps, type MapParts } from '#catalog/analysis/localize';
import { probe } from '#media/probe';
import type { EmbeddingModel } from '#model/embedding-model';
import { loadEmbeddingModel, type ModelInfo, readModelInfo } from '#model/load-model';

const run = promisify(execFile);
const LENGTH_SEC = 5;
const MAPS_PER_SEC = 5;
const TARGET_SEC = 1;
const ROUNDS = 5;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

/** The sample duet, enlarged: what sounds in it has names, and maps of its own. */
async function makeClip(file: string): Promise<void> {
  const duet = path.join(import.meta.dirname, '..', 'test', 'fixtures', 'duets', 'hammer-cello.mp4');
  const codecs = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  const scaled = ['-vf', 'scale=1280:720,setsar=1', '-t', String(LENGTH_SEC)];
  await run('ffmpeg', ['-hide_banner', '-v', 'error', '-y', '-i', duet, ...scaled, ...codecs, file]);
}

/** Processor seconds that ffmpeg takes to decode the file to the frames and samples that the model asks for. */
async function decodeSec(file: string): Promise<number> {
  const picture = ['-map', '0:v', '-vf', 'fps=12.5,scale=96:96', '-pix_fmt', 'rgb24', '-f', 'null', '-'];
  const sound = ['-map', '0:a', '-ac', '1', '-ar', '16000', '-f', 'null', '-'];
  const { stderr } = await run('ffmpeg', ['-benchmark', '-threads', '1', '-i', file, ...picture, ...sound]);
  const [, user, system] = /utime=([\d.]+)s stime=([\d.]+)s/.exec(stderr) ?? [];
  return Number(user) + Number(system);
}

/** Processor seconds of this process, its threads included, not those of ffmpeg. */
async function ownSec<T>(work: () => Promise<T>): Promise<[T, number]> {
  const before = process.cpuUsage();
  const answer = await work();
  const { user, system } = process.cpuUsage(before);
  return [answer, (user + system) / 1e6];
}

/** The model in this thread in place of a pool of threads, so that what it takes is counted. */
function mapParts(info: ModelInfo, model: EmbeddingModel): MapParts {
  const { localize, localizeSources } = model;
  if (!localize || !localizeSources) throw new Error(`${info.identity.id} can't localize.`);
  const answer: MapParts['pool']['localize'] = async (request, options = {}) => ({
    found: await localize.call(model, request),
    sources: options.named ? await localizeSources.call(model, request) : null,
  });
  return { model: info, pool: { localize: answer } };
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-bench-'));
try {
  const modelFolder = process.argv[2] ?? path.join(import.meta.dirname, '..', 'models', 'mini');
  const file = path.join(folder, 'clip.mp4');
  await makeClip(file);
  const info = await probe(file);
  const model = await readModelInfo(modelFolder);
  const opened = { file, name: 'clip', info, startSec: 0, endSec: LENGTH_SEC, clip: null };
  const [parts, startSec] = await ownSec(async () => {
    const loaded = mapParts(model, await loadEmbeddingModel(modelFolder));
    await findMaps(opened, { mapsPerSec: MAPS_PER_SEC }, null, loaded);
    return loaded;
  });
  const rounds = { find: [] as number[], write: [] as number[], decode: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    const asked = { mapsPerSec: MAPS_PER_SEC };
    const [found, findSec] = await ownSec(() => findMaps(opened, asked, null, parts));
    const [, writeSec] = await ownSec(async () => {
      await writeLocalization(opened, found, { subject: { file }, folder });
      await writeSources(opened, found, folder);
    });
    rounds.find.push(findSec);
    rounds.write.push(writeSec);
    rounds.decode.push(await decodeSec(file));
    console.log(`round ${round + 1}: ${found.maps.length} maps, ${found.sources.length} named sources`);
  }
  const [find, write, decode] = [median(rounds.find), median(rounds.write), median(rounds.decode)];
  const total = find + write + decode;
  const loaded = `load average ${os.loadavg()[0]?.toFixed(2)} on ${os.availableParallelism()} cores`;
  console.log(`${loaded}; processor time, median of ${ROUNDS}; start of the model ${startSec.toFixed(2)} s`);
  console.log(
    `maps ${find.toFixed(2)} s, files ${write.toFixed(2)} s, ffmpeg's decode ${decode.toFixed(2)} s: together ${total.toFixed(2)} s for ${LENGTH_SEC} s of film (${(total / decode).toFixed(1)} times the decode)`,
  );
  console.log(`target ${TARGET_SEC} s on one core: ${total < TARGET_SEC ? 'reached' : 'missed'}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
