/**
 * What the product can be asked to do. The commands and the HTTP routes are written against this interface; the
 * local `Catalog` answers it from its own stores, and the API's client answers it from a running server.
 */
import type { Readable } from 'node:stream';

export type Modality = 'audio' | 'video';
export type ClipStatus = 'pending' | 'processing' | 'indexed' | 'failed';
export const JOB_STATUSES = ['queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export interface Clip {
  id: string;
  collection: string;
  title: string;
  fileName: string;
  /** Where the clip was read from, when it was a local file; for an upload, where its sender says that it lies. */
  sourcePath: string | null;
  tags: string[];
  labels: string[];
  metadata: Record<string, unknown>;
  sha256: string;
  sizeBytes: number;
  mimeType: string;
  durationSec: number | null;
  width: number | null;
  height: number | null;
  frameRateHz: number | null;
  audioSampleRateHz: number | null;
  modalities: Modality[];
  status: ClipStatus;
  error: { code: string; message: string } | null;
  segmentCount: number;
  createdAt: string;
  updatedAt: string;
}

export interface Job {
  id: string;
  /** `ingest`: a clip is taken in; `model`: the clips are embedded with another model, which then goes live. */
  kind: 'ingest' | 'model';
  clipId: string | null;
  status: JobStatus;
  /** What is being done: `queued`, `probe`, `decode`, `embed`, `index`, `done`. */
  stage: string;
  /** 0..1 */
  progress: number;
  error: { code: string; message: string } | null;
  attempts: number;
  createdAt: string;
  updatedAt: string;
}

export interface NewClip {
  /** A local path, or bytes with a file name; `sourcePath` is then shown with the clip, and never opened. */
  source: { path: string } | { stream: Readable; fileName: string; sourcePath?: string };
  collection?: string;
  title?: string;
  tags?: string[];
  labels?: string[];
  metadata?: Record<string, unknown>;
}

export interface AddedClip {
  clip: Clip;
  /** Null when the same bytes were already there and indexed. */
  job: Job | null;
  created: boolean;
}

export interface ClipFilter {
  collections?: string[];
  anyTag?: string[];
  allTags?: string[];
  clipIds?: string[];
  excludeClipIds?: string[];
}

export type SearchQuery =
  | { clipId: string; startSec?: number; endSec?: number; modality?: Modality }
  | { file: string; modality?: Modality }
  | { vector: Float32Array; modality: Modality; model: string }
  /** Words, where the model has a text tower. */
  | { text: string };

export interface SearchRequest {
  query: SearchQuery;
  /** `clip`: both modalities are searched and a clip counts with its better score. */
  for: Modality | 'clip';
  /** 1..1000, default 10: the page's size. */
  topK?: number;
  minScore?: number;
  groupBy?: 'clip' | 'segment';
  filter?: ClipFilter;
  /** From the page before; continues the same ranking. */
  cursor?: string;
}

export interface SearchResult {
  clip: Clip;
  segment: { index: number; startSec: number; endSec: number };
  score: number;
  modality: Modality;
}

export interface SearchPage {
  results: SearchResult[];
  /** How many pass filter and threshold; exact to 10 000. */
  total: number;
  totalIsLowerBound: boolean;
  nextCursor: string | null;
  model: { id: string; version: string; dimension: number };
  /** Of a query in words: what the model took it to mean, and the words that mean nothing to it. */
  text?: { understood: string[]; unknownWords: string[] };
  tookMs: number;
}

/** What is asked about: a clip of the catalog or a file; of it a part, or its beginning. */
export type AnalysisSubject = ({ clipId: string } | { file: string }) & {
  startSec?: number;
  endSec?: number;
};

export interface Correspondence {
  /** Cosine of the two embeddings, -1..1. */
  score: number;
  /** That the two belong together, 0..1; null where the model has not been calibrated. */
  probability: number | null;
  model: SearchPage['model'];
}

export interface Label {
  name: string;
  /** How many clips show what it means. */
  examples: number;
  createdAt: string;
}

interface LabelScore {
  label: string;
  /** 0..1; those of all labels sum to 1. */
  probability: number;
}

export interface Classification {
  /** By sound and picture together, or by the one there is. */
  scores: LabelScore[];
  /** A label, or `unknown` where nothing is near. */
  verdict: string;
  /** By the sound alone, and by the picture alone; null where it is missing. */
  audio: LabelScore[] | null;
  video: LabelScore[] | null;
  model: SearchPage['model'];
}

/** What to listen for, and in what. */
export interface SeparationRequest {
  mixture: AnalysisSubject;
  /** A picture or clip of what is to be heard; the mixture's own picture unless told. */
  like?: AnalysisSubject;
  /** Of the picture that guides, in 0..1 of its width and height; all of it unless told. */
  region?: FrameBox;
  /** In place of `region` and `like`: a label, which is looked for in the mixture's picture by its sound. */
  label?: string;
  /** `wav` (24 bit) unless told; `same`: as the mixture's sound is encoded, where that can be written. */
  codec?: 'wav' | 'same';
  /** Also writes copies to listen to. */
  previews?: boolean;
}

export interface Separation {
  /** Paths of sound files: what was asked for, and the mixture without it. */
  target: string;
  residual: string;
  /** Path of a PNG: spectrograms of mixture, mask, target and residual. */
  picture: string;
  sampleRateHz: number;
  channels: number;
  durationSec: number;
  /** The target's part of the mixture's energy, 0..1; 0 where the mixture is silent. */
  targetShare: number;
  /** Paths of stereo AAC files as loud as the mixture (ITU-R BS.1770), brought up by 20 dB at most. */
  previews?: { target: string; residual: string };
  /** Where the label was found. */
  region?: FrameBox;
}

/** What the description rests on. */
export type DescriptionEvidence =
  /** A label whose example sounds lie near the picture: the cosine, and how probable it is among the labels. */
  | { kind: 'label'; label: string; score: number; probability: number }
  /** A clip whose sound lies near the picture. */
  | { kind: 'clip'; clipId: string; title: string; score: number }
  /** Bursts of motion a second, change of luma of full scale a second, and what both suggest. */
  | {
      kind: 'motion';
      onsetsPerSec: number;
      motionPerSec: number;
      loudness: 'silent' | 'quiet' | 'moderate' | 'loud';
    };

export interface Description {
  sentence: string;
  evidence: DescriptionEvidence[];
  model: SearchPage['model'];
}

export interface Synchronization {
  /** Positive: sound ahead of the picture; null where there is nothing to synchronise by. */
  offsetSec: number | null;
  /** Probability that the offset lies within 0.1 s of the answer, 0..1. */
  confidence: number;
  /** Probability that there is anything to synchronise by, 0..1. */
  synchronizability: number;
  /** After ITU-R BT.1359: whether people would notice, and mind. */
  verdict: 'in_sync' | 'detectable' | 'out_of_sync' | 'not_synchronizable';
  /** Probability of each offset that was tried, if there is one; ascending. */
  curve: { offsetSec: number; probability: number }[];
  /** The part that was looked at. */
  segment: { startSec: number; endSec: number };
  model: SearchPage['model'];
}

export interface LocalizationRequest {
  subject: AnalysisSubject;
  /** Another sound to look for in this one's picture; all that is heard unless given. */
  query?: AnalysisSubject | { label: string };
  /** Where the files are written to; it is made if need be. */
  folder: string;
  /** How many maps a second; default 5. */
  mapsPerSec?: number;
  /** Pictures with the heat over them, and a film of them with the sound as well; default none. */
  overlays?: 'none' | 'pictures' | 'film';
}

/** In 0..1 of the frame. */
export interface FrameBox {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface LocalizationMap {
  timeSec: number;
  width: number;
  height: number;
  /** Around what sounds at that time; null where nothing does. */
  box: FrameBox | null;
  /** 16-bit PNG in the frame's own size, 65535 = 1.0; its name in the request's folder. */
  file: string;
}

/** A source that has a name. */
export interface LocalizedSource {
  label: string;
  probability: number;
  box: FrameBox;
  maps: LocalizationMap[];
}

export interface Localization {
  /** Whether the confidence reaches the model's threshold: silence, noise and what is not in the picture don't. */
  sounding: boolean;
  /** That something in the picture makes the sound, 0..1. */
  confidence: number;
  threshold: number;
  /** From which value on a place of a map counts as sounding. */
  mapThreshold: number;
  maps: LocalizationMap[];
  sources: LocalizedSource[];
  /** Names in the request's folder; empty unless asked for. */
  overlays: { timeSec: number; file: string }[];
  film: string | null;
  model: SearchPage['model'];
}

export interface SegmentEmbedding {
  modality: Modality;
  startSec: number;
  endSec: number;
  vector: number[];
}

export interface ModelSummary {
  name: string;
  id: string;
  version: string;
  dimension: number;
  /** Whether searches are answered with it: the same as `state` `live`. */
  active: boolean;
  /**
   * `building`: clips are being embedded with it, and it goes live when all are; `retired`: it was live once, and its
   * vectors are kept; `unused`: the catalog has no vectors of it.
   */
  state: 'live' | 'building' | 'retired' | 'unused';
  /** Whether its files are at hand. */
  installed: boolean;
  hasTextTower: boolean;
  description: string;
}

/** What asking for another model set going. */
export interface ModelUse {
  model: SearchPage['model'];
  /** Embeds the clips and then switches to the model; null where it is live already. */
  job: Job | null;
}

export interface Collection {
  name: string;
  /** Of any status; a collection without clips is none. */
  clips: number;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface MediaFile {
  path: string;
  sizeBytes: number;
  mimeType: string;
  fileName: string;
}

export interface CatalogService {
  addClip(clip: NewClip, options?: { signal?: AbortSignal }): Promise<AddedClip>;
  getClip(id: string): Promise<Clip>;
  listClips(options: {
    collection?: string;
    tag?: string;
    status?: ClipStatus;
    limit?: number;
    cursor?: string;
  }): Promise<Page<Clip>>;
  /** By name. */
  listCollections(): Promise<Collection[]>;
  updateClip(
    id: string,
    change: Partial<Pick<Clip, 'title' | 'tags' | 'labels' | 'metadata' | 'collection'>>,
  ): Promise<Clip>;
  deleteClip(id: string): Promise<void>;
  getJob(id: string): Promise<Job>;
  listJobs(options: { status?: JobStatus; limit?: number; cursor?: string }): Promise<Page<Job>>;
  retryJob(id: string): Promise<Job>;
  /** Yields the job at each change and ends when it has ended. */
  watchJob(id: string, options?: { signal?: AbortSignal }): AsyncIterable<Job>;
  search(request: SearchRequest, options?: { signal?: AbortSignal }): Promise<SearchPage>;
  embedFile(
    file: string,
    options?: { modality?: Modality; signal?: AbortSignal },
  ): Promise<{ model: SearchPage['model']; segments: SegmentEmbedding[] }>;
  /** Whether a picture and a sound belong together; the sound is the picture's own unless another is given. */
  correspond(
    request: { picture: AnalysisSubject; sound?: AnalysisSubject },
    options?: { signal?: AbortSignal },
  ): Promise<Correspondence>;
  /** By name. */
  listLabels(options: { limit?: number; cursor?: string }): Promise<Page<Label>>;
  /** Makes clips examples of the label, which is made where there is none. */
  addExamples(label: string, clipIds: readonly string[]): Promise<Label>;
  removeExamples(label: string, clipIds: readonly string[]): Promise<Label>;
  deleteLabel(label: string): Promise<void>;
  /** Which of the labels a scene belongs to; of all that have examples unless some are given. */
  classify(
    request: { subject: AnalysisSubject; labels?: readonly string[] },
    options?: { signal?: AbortSignal },
  ): Promise<Classification>;
  /** The sound of what is pointed at, and the rest, as files in a folder. */
  separate(
    request: SeparationRequest,
    folder: string,
    options?: { signal?: AbortSignal; onProgress?: (part: number) => void },
  ): Promise<Separation>;
  /** What one would expect to hear of a picture. */
  describe(request: { subject: AnalysisSubject }, options?: { signal?: AbortSignal }): Promise<Description>;
  /** How far a clip's sound is ahead of its picture. */
  synchronize(subject: AnalysisSubject, options?: { signal?: AbortSignal }): Promise<Synchronization>;
  /** Where in the picture the sound comes from: writes maps, and overlays where asked for. */
  localize(request: LocalizationRequest, options?: { signal?: AbortSignal }): Promise<Localization>;
  listModels(): Promise<ModelSummary[]>;
  /**
   * Embeds all clips with that model in the background, then answers with it; the one before answers until then.
   * Asked again, or for the live one, it takes back any other change under way.
   */
  useModel(name: string): Promise<ModelUse>;
  /** Drops the vectors that the catalog keeps of retired models of that name or `id@version`; answers how many points. */
  removeModel(name: string): Promise<{ removedPoints: number }>;
  /** Waits for nothing, frees everything. */
  close(): Promise<void>;
}

/** What only the process that owns the stores can do. */
export interface LocalCatalogService extends CatalogService {
  /** Starts taking jobs; resolves when ready. */
  startWorker(): Promise<void>;
  /** Tells commands where this process serves its API; null when it stops doing so. */
  announceUrl(url: string | null): Promise<void>;
  /** The stored file, for range requests. */
  clipMedia(id: string): Promise<MediaFile>;
  /** JPEG bytes. */
  clipThumbnail(id: string, options: { width: number; atSec?: number }): Promise<Uint8Array>;
  /** Minimum and maximum of each bucket, in [-1, 1]. */
  clipWaveform(
    id: string,
    options: { buckets: number },
  ): Promise<{ min: number[]; max: number[]; durationSec: number }>;
  /** How many jobs are in each status. */
  jobCounts(): Promise<Record<JobStatus, number>>;
  /** Answers what is not ready; empty means ready. */
  readiness(): Promise<string[]>;
  /** Drift between PostgreSQL and the index, mended when `fix`. */
  reconcile(options: { fix: boolean; signal?: AbortSignal }): Promise<{
    missingPoints: number;
    orphanPoints: number;
    orphanObjects: number;
    missingObjects: number;
    fixed: boolean;
  }>;
}
