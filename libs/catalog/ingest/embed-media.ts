/**
 * One decoding pass over a file, its segments embedded while the decoding goes on. What waits for the model is
 * bounded: when enough batches are under way the decoder rests, so that a clip of any length takes the same memory.
 */
import { EarshotError } from '#core/errors';
import { decodeStreams } from '#media/decode';
import type { MediaInfo } from '#media/probe';
import type { FrameBlock } from '#model/embedding-model';
import type { ActiveModel } from '../active-model.ts';
import type { Modality } from '../catalog-service.ts';
import type { InferencePool } from '../inference/inference-pool.ts';
import { type AssembledSegment, SegmentAssembler, type StreamSpan } from './segment-assembler.ts';

interface EmbeddedSegment {
  index: number;
  startSec: number;
  endSec: number;
  /** Unit vectors; a silent or sightless segment lacks that one, and may lack both. */
  vectors: Partial<Record<Modality, Float32Array>>;
}

export interface EmbedMediaOptions {
  info: MediaInfo;
  model: ActiveModel;
  pool: InferencePool;
  /** Default: whatever the file has. */
  modalities?: readonly Modality[];
  /** Reads from here on, no further than `endSec`; default all of the file. Segments begin at `startSec`. */
  startSec?: number;
  endSec?: number;
  /** Ingest's bulk work steps back before interactive requests. */
  bulk: boolean;
  signal?: AbortSignal;
  /** @param fraction 0..1 of the file's time that has been decoded; 1 = only the model still works */
  onDecoded?: (fraction: number) => void;
}

const BATCH_SEGMENTS = 8;
/** Both towers have a batch in work and one ready. */
const MAX_BATCHES_UNDER_WAY = 4;

export interface EmbeddedMedia {
  /** In order of time. */
  segments: EmbeddedSegment[];
  /** How much there was to decode; less than the header says for a file that was cut off. */
  decodedSec: number;
}

/**
 * The file's segments with their vectors.
 *
 * @throws EarshotError as `decodeStreams` and the inference pool
 */
export async function embedMedia(file: string, options: EmbedMediaOptions): Promise<EmbeddedMedia> {
  const { info, model, modalities = ['audio', 'video'], signal } = options;
  const startSec = info.isStillImage ? 0 : (options.startSec ?? 0);
  const audio = modalities.includes('audio') ? info.audio : null;
  const video = modalities.includes('video') ? info.video : null;
  if (audio === null && video === null) {
    throw new EarshotError('modality_missing', `The file has no ${modalities.join(' and no ')}.`, {
      subject: file,
    });
  }
  const assembler = new SegmentAssembler({
    plan: model.segments,
    audio: audio && { ...model.audioInput, ...spanOf(audio, startSec) },
    video: video && { ...model.videoInput, ...spanOf(video, startSec) },
  });
  const towers = new SegmentTowers(options, startSec);
  const endSec =
    options.endSec === undefined || info.isStillImage
      ? undefined
      : Math.min(options.endSec, info.durationSec);
  const totalSec = (endSec ?? info.durationSec) - startSec;
  const chunks = decodeStreams(file, {
    info,
    startSec,
    endSec,
    frames: video === null ? undefined : { ...model.videoInput },
    samples: audio === null ? undefined : { ...model.audioInput },
    signal,
  });
  for await (const chunk of chunks) {
    const { segments, decodedSec } = takeChunk(chunk, assembler, model);
    if (totalSec > 0) options.onDecoded?.(Math.min(decodedSec / totalSec, 1));
    for (const segment of segments) await towers.add(segment);
  }
  for (const segment of assembler.end()) await towers.add(segment);
  options.onDecoded?.(1);
  return { segments: await towers.finish(), decodedSec: assembler.durationSec };
}

type Chunk = { kind: 'frames'; firstIndex: number; count: number; data: Uint8Array } | SampleChunk;
type SampleChunk = { kind: 'samples'; firstSample: number; data: Float32Array };

function takeChunk(
  chunk: Chunk,
  assembler: SegmentAssembler,
  model: ActiveModel,
): { segments: AssembledSegment[]; decodedSec: number } {
  if (chunk.kind === 'samples') {
    const decodedSec = (chunk.firstSample + chunk.data.length) / model.audioInput.sampleRateHz;
    return { segments: assembler.pushSamples(chunk.data), decodedSec };
  }
  const segments: AssembledSegment[] = [];
  const size = chunk.data.length / chunk.count;
  for (let i = 0; i < chunk.count; i++) {
    segments.push(...assembler.pushFrame(chunk.data.subarray(i * size, (i + 1) * size)));
  }
  return { segments, decodedSec: (chunk.firstIndex + chunk.count) / model.videoInput.rateHz };
}

/** Where the stream has something, counted from `fromSec` on. */
function spanOf(stream: { startSec: number; durationSec: number }, fromSec: number): StreamSpan {
  // A stream whose length the header doesn't tell lasts as long as frames or samples come.
  const untilSec = stream.durationSec > 0 ? stream.startSec + stream.durationSec : Number.POSITIVE_INFINITY;
  return { fromSec: stream.startSec - fromSec, untilSec: untilSec - fromSec };
}

/** Collects segments into batches for each tower and keeps a bounded number of them under way. */
class SegmentTowers {
  readonly #options: EmbedMediaOptions;
  /** Of what is decoded from the beginning of the file. */
  readonly #offsetSec: number;
  readonly #segments: EmbeddedSegment[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #waveforms: { segment: EmbeddedSegment; input: Float32Array }[] = [];
  #blocks: { segment: EmbeddedSegment; input: FrameBlock }[] = [];

  constructor(options: EmbedMediaOptions, offsetSec: number) {
    this.#options = options;
    this.#offsetSec = offsetSec;
  }

  async add({ index, startSec, endSec, waveform, frames }: AssembledSegment): Promise<void> {
    const segment: EmbeddedSegment = {
      index,
      startSec: startSec + this.#offsetSec,
      endSec: endSec + this.#offsetSec,
      vectors: {},
    };
    this.#segments.push(segment);
    if (waveform !== null) this.#waveforms.push({ segment, input: waveform });
    if (frames !== null) this.#blocks.push({ segment, input: frames });
    if (this.#waveforms.length >= BATCH_SEGMENTS) await this.#sendAudio();
    if (this.#blocks.length >= BATCH_SEGMENTS) await this.#sendVideo();
  }

  async finish(): Promise<EmbeddedSegment[]> {
    if (this.#waveforms.length > 0) await this.#sendAudio();
    if (this.#blocks.length > 0) await this.#sendVideo();
    await Promise.all(this.#underWay);
    return this.#segments;
  }

  #sendAudio(): Promise<void> {
    const batch = this.#waveforms;
    this.#waveforms = [];
    const { pool, bulk, signal } = this.#options;
    return this.#send('audio', batch, () =>
      pool.embedAudio(
        batch.map(({ input }) => input),
        { bulk, signal },
      ),
    );
  }

  #sendVideo(): Promise<void> {
    const batch = this.#blocks;
    this.#blocks = [];
    const { pool, bulk, signal } = this.#options;
    return this.#send('video', batch, () =>
      pool.embedVideo(
        batch.map(({ input }) => input),
        { bulk, signal },
      ),
    );
  }

  async #send(
    modality: Modality,
    batch: readonly { segment: EmbeddedSegment }[],
    embed: () => Promise<Float32Array[]>,
  ): Promise<void> {
    while (this.#underWay.size >= MAX_BATCHES_UNDER_WAY) await Promise.race(this.#underWay);
    const work = embed().then((vectors) => {
      batch.forEach(({ segment }, position) => {
        const vector = vectors[position];
        if (vector !== undefined) segment.vectors[modality] = vector;
      });
    });
    this.#underWay.add(work);
    // A failure stays in the set, so that the next wait throws it; without a handler here it would end the process.
    work.then(
      () => this.#underWay.delete(work),
      () => undefined,
    );
  }
}
