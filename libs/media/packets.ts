/**
 * Reads through all packets of a file without decoding them, for what its header does not say: browsers record
 * webm without a duration, and a header may announce a stream that holds nothing.
 */
import { createInterface } from 'node:readline';
import { mediaFailure } from './failure.ts';
import { FfmpegProcess } from './ffmpeg.ts';
import type { MediaInput } from './input.ts';

export interface PacketSpan {
  packets: number;
  /** On the container's own clock. */
  startSec: number;
  endSec: number;
}

/** The span of each stream by its index; a stream without packets is absent. Memory does not grow with the file. */
export async function scanPackets(
  file: string,
  input: MediaInput,
  options: { timeoutSec: number; signal?: AbortSignal },
): Promise<Map<number, PacketSpan>> {
  const entries = ['-show_entries', 'packet=stream_index,pts_time,duration_time', '-of', 'csv=p=0'];
  const child = new FfmpegProcess('ffprobe', [...entries, ...input.arguments], { ...options, subject: file });
  const spans = new Map<number, PacketSpan>();
  try {
    for await (const line of createInterface({ input: child.stdout })) addPacket(spans, line);
    const exit = await child.exited();
    if (exit.exitCode !== 0 && spans.size === 0) throw mediaFailure(file, exit.stderrTail, input.head);
    return spans;
  } finally {
    await child.close();
  }
}

function addPacket(spans: Map<number, PacketSpan>, line: string): void {
  const [indexText, startText, durationText] = line.split(',');
  const index = Number.parseInt(indexText ?? '', 10);
  const startSec = Number.parseFloat(startText ?? '');
  if (Number.isNaN(index) || Number.isNaN(startSec)) return;
  const endSec = startSec + (Number.parseFloat(durationText ?? '') || 0);
  const span = spans.get(index);
  if (span === undefined) {
    spans.set(index, { packets: 1, startSec, endSec });
    return;
  }
  span.packets += 1;
  span.startSec = Math.min(span.startSec, startSec);
  span.endSec = Math.max(span.endSec, endSec);
}
