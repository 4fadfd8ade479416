/** ffmpeg never outlives the work it was started for. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeStreams } from '#media/decode';
import { probe } from '#media/probe';
import { ffmpeg, temporaryFolder } from './make-media.ts';

const file = join(temporaryFolder(), 'long.mkv');
const REQUEST = { frames: { rateHz: 25, width: 320, height: 240 }, samples: { sampleRateHz: 16000 } };

beforeAll(() => {
  const picture = ['-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=25:duration=30'];
  ffmpeg(...picture, '-f', 'lavfi', '-i', 'sine=d=30', '-c:v', 'libx264', '-preset', 'ultrafast', file);
});

/** Processes, wherever they hang in the tree, whose command line names the file. */
function users(): number[] {
  return readdirSync('/proc')
    .filter(
      (name) =>
        /^\d+$/.test(name) && commandLine(name).startsWith('ffmpeg') && commandLine(name).includes(file),
    )
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

describe.skipIf(!existsSync('/proc/self/cmdline'))('no ffmpeg is left (needs /proc)', () => {
  it('after an abort', async () => {
    const controller = new AbortController();
    const stream = decodeStreams(file, { ...REQUEST, signal: controller.signal });
    await stream.next();
    expect(users()).toHaveLength(1);
    controller.abort();
    const drain = async () => {
      for await (const _ of stream);
    };
    await expect(drain()).rejects.toMatchObject({ code: 'cancelled' });
    expect(users()).toEqual([]);
  });

  it('when the consumer leaves early', async () => {
    for await (const _ of decodeStreams(file, REQUEST)) break;
    expect(users()).toEqual([]);
  });

  it('after a timeout', async () => {
    const info = { ...(await probe(file)), durationSec: 0.01 };
    const limits = { decodeTimeoutSec: 0 };
    const stream = decodeStreams(file, { ...REQUEST, info, limits });
    await expect(stream.next()).rejects.toMatchObject({ code: 'decode_timeout', subject: file });
    expect(users()).toEqual([]);
  });

  it('when this process is killed', { timeout: 60_000 }, async () => {
    const script = `import('#media/decode').then(async ({ decodeStreams }) => {
      await decodeStreams(${JSON.stringify(file)}, ${JSON.stringify(REQUEST)}).next();
      console.log('decoding');
      setInterval(() => {}, 1000);
    })`;
    const cwd = join(import.meta.dirname, '../..');
    const victim = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { cwd });
    await new Promise((resolve) => victim.stdout.once('data', resolve));
    expect(users()).toHaveLength(1);
    victim.kill('SIGKILL');
    while (users().length > 0) await delay(20);
  });
});

it('work cancelled beforehand does not begin', async () => {
  await expect(probe(file, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
});
