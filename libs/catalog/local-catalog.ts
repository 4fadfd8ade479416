/** The catalog of the process that owns the stores: hands each question to the part that answers it. */
import type { EarshotError } from '#core/errors';
import { asEarshotError } from '#core/errors';
import { probe } from '#media/probe';
import type { VectorIndex } from '#store/index/vector-index';
import { ClipRepository } from '#store/repositories/clips';
import { EmbeddingRepository } from '#store/repositories/embeddings';
import { ModelRepository } from '#store/repositories/models';
import { classify } from './analysis/classify.ts';
import { correspond } from './analysis/correspondence.ts';
import { describeExpected } from './analysis/describe.ts';
import { localize } from './analysis/localize.ts';
import { separate } from './analysis/separation.ts';
import { synchronize } from './analysis/synchronization.ts';
import type {
  AddedClip,
  AnalysisSubject,
  Classification,
  Clip,
  ClipStatus,
  Collection,
  Correspondence,
  Description,
  Job,
  JobStatus,
  Label,
  LocalCatalogService,
  Localization,
  LocalizationRequest,
  MediaFile,
  Modality,
  ModelSummary,
  ModelUse,
  NewClip,
  Page,
  SearchPage,
  SearchRequest,
  SegmentEmbedding,
  Separation,
  SeparationRequest,
  Synchronization,
} from './catalog-service.ts';
import { type ClipParts, ClipService } from './clips.ts';
import { addClip } from './ingest/add-clip.ts';
import { embedMedia } from './ingest/embed-media.ts';
import type { IngestWorker } from './ingest/ingest-worker.ts';
import { JobService } from './jobs.ts';
import { LabelService } from './labels.ts';
import { clipMedia, clipThumbnail, clipWaveform } from './media-views.ts';
import { INDEX_ALIAS, type ModelChanges } from './model-change/model-changes.ts';
import type { OpenModel, OpenModels } from './model-change/open-models.ts';
import { findChoosable, indexCollectionNames, listModels, type ModelReader } from './models.ts';
import { type ReconcileReport, reconcile } from './reconcile.ts';
import { embedQueryFile } from './search/query-file.ts';
import { search } from './search/search-service.ts';
import type { SeparationPool } from './separation/separation-pool.ts';

export interface CatalogParts extends ClipParts {
  dataDir: string;
  index: VectorIndex;
  models: OpenModels;
  changes: ModelChanges;
  reader: ModelReader;
  separation: SeparationPool;
  worker: IngestWorker;
  uploads: Set<string>;
  /** Whether other processes may work on the same stores. */
  isShared: boolean;
  /** Tells commands where this process serves its API, or that it no longer does. */
  announceUrl(url: string | null): Promise<void>;
  /** Frees everything, in order. */
  close(): Promise<void>;
}

export class LocalCatalog implements LocalCatalogService {
  readonly #parts: CatalogParts;
  readonly #clips: ClipService;
  readonly #jobs: JobService;
  readonly #labels: LabelService;
  #closing: Promise<void> | null = null;

  constructor(parts: CatalogParts) {
    this.#parts = parts;
    this.#clips = new ClipService(parts);
    this.#labels = new LabelService(parts.database);
    this.#jobs = new JobService(parts.database, parts.queue, parts.events);
  }

  addClip(clip: NewClip, options: { signal?: AbortSignal } = {}): Promise<AddedClip> {
    return addClip(clip, this.#parts, options.signal);
  }

  getClip(id: string): Promise<Clip> {
    return this.#clips.get(id);
  }

  listClips(options: {
    collection?: string;
    tag?: string;
    status?: ClipStatus;
    limit?: number;
    cursor?: string;
  }): Promise<Page<Clip>> {
    return this.#clips.list(options);
  }

  listCollections(): Promise<Collection[]> {
    return this.#clips.collections();
  }

  updateClip(
    id: string,
    change: Partial<Pick<Clip, 'title' | 'tags' | 'labels' | 'metadata' | 'collection'>>,
  ): Promise<Clip> {
    return this.#clips.update(id, change);
  }

  deleteClip(id: string): Promise<void> {
    return this.#clips.delete(id);
  }

  getJob(id: string): Promise<Job> {
    return this.#jobs.get(id);
  }

  listJobs(options: { status?: JobStatus; limit?: number; cursor?: string }): Promise<Page<Job>> {
    return this.#jobs.list(options);
  }

  retryJob(id: string): Promise<Job> {
    return this.#jobs.retry(id);
  }

  watchJob(id: string, options: { signal?: AbortSignal } = {}): AsyncIterable<Job> {
    return this.#jobs.watch(id, options.signal);
  }

  jobCounts(): Promise<Record<JobStatus, number>> {
    return this.#jobs.counts();
  }

  async search(request: SearchRequest, options: { signal?: AbortSignal } = {}): Promise<SearchPage> {
    const { database, index, model, pool } = await this.#withModel();
    const parts = {
      database,
      index,
      model,
      clips: new ClipRepository(database),
      embeddings: new EmbeddingRepository(database),
      embedQueryFile: (file: string, preferred: readonly Modality[], signal?: AbortSignal) =>
        embedQueryFile(file, preferred, { model, pool }, signal),
      embedText: (text: string, signal?: AbortSignal) => pool.embedText(text, { signal }),
    };
    return search(request, parts, options.signal);
  }

  async embedFile(
    file: string,
    options: { modality?: Modality; signal?: AbortSignal } = {},
  ): Promise<{ model: SearchPage['model']; segments: SegmentEmbedding[] }> {
    const { model, pool } = await this.#withModel();
    const { modality, signal } = options;
    const info = await probe(file, { signal });
    const modalities = modality && [modality];
    const { segments } = await embedMedia(file, { info, model, pool, modalities, bulk: false, signal });
    const vectors = segments.flatMap(({ startSec, endSec, vectors: { audio, video } }) => [
      ...(audio ? [{ modality: 'audio' as const, startSec, endSec, vector: [...audio] }] : []),
      ...(video ? [{ modality: 'video' as const, startSec, endSec, vector: [...video] }] : []),
    ]);
    return { model: { ...model.identity }, segments: vectors };
  }

  async correspond(
    request: { picture: AnalysisSubject; sound?: AnalysisSubject },
    options: { signal?: AbortSignal } = {},
  ): Promise<Correspondence> {
    return correspond(request, await this.#withModel(), options.signal);
  }

  listLabels(options: { limit?: number; cursor?: string }): Promise<Page<Label>> {
    return this.#labels.list(options);
  }

  addExamples(label: string, clipIds: readonly string[]): Promise<Label> {
    return this.#labels.addExamples(label, clipIds);
  }

  removeExamples(label: string, clipIds: readonly string[]): Promise<Label> {
    return this.#labels.removeExamples(label, clipIds);
  }

  deleteLabel(label: string): Promise<void> {
    return this.#labels.delete(label);
  }

  async classify(
    request: { subject: AnalysisSubject; labels?: readonly string[] },
    options: { signal?: AbortSignal } = {},
  ): Promise<Classification> {
    return classify(request, await this.#withModel(), options.signal);
  }

  separate(
    request: SeparationRequest,
    folder: string,
    options: { signal?: AbortSignal; onProgress?: (part: number) => void } = {},
  ): Promise<Separation> {
    const parts = { ...this.#parts, withModel: () => this.#withModel() };
    return separate(request, folder, parts, options);
  }

  async describe(
    { subject }: { subject: AnalysisSubject },
    options: { signal?: AbortSignal } = {},
  ): Promise<Description> {
    const search = (request: SearchRequest, signal?: AbortSignal) => this.search(request, { signal });
    return describeExpected(subject, { ...(await this.#withModel()), search }, options.signal);
  }

  async synchronize(
    subject: AnalysisSubject,
    options: { signal?: AbortSignal } = {},
  ): Promise<Synchronization> {
    return synchronize(subject, await this.#withModel(), options.signal);
  }

  async localize(
    request: LocalizationRequest,
    options: { signal?: AbortSignal } = {},
  ): Promise<Localization> {
    return localize(request, await this.#withModel(), options.signal);
  }

  async listModels(): Promise<ModelSummary[]> {
    const rows = await new ModelRepository(this.#parts.database).list();
    return listModels(rows, this.#modelPlaces());
  }

  async useModel(name: string): Promise<ModelUse> {
    return this.#parts.changes.use(await findChoosable(name, this.#modelPlaces()));
  }

  async removeModel(name: string): Promise<{ removedPoints: number }> {
    return this.#parts.changes.remove(name, await indexCollectionNames(this.#modelPlaces()));
  }

  startWorker(): Promise<void> {
    return this.#parts.worker.start();
  }

  async clipMedia(id: string): Promise<MediaFile> {
    return clipMedia(await this.#clips.row(id), this.#parts.objects);
  }

  async clipThumbnail(id: string, options: { width: number; atSec?: number }): Promise<Uint8Array> {
    return clipThumbnail(await this.#clips.row(id), this.#parts.objects, options);
  }

  async clipWaveform(
    id: string,
    options: { buckets: number },
  ): Promise<{ min: number[]; max: number[]; durationSec: number }> {
    return clipWaveform(await this.#clips.row(id), this.#parts.objects, options);
  }

  /** Tells commands where this process serves its API; null when it stops doing so. */
  announceUrl(url: string | null): Promise<void> {
    return this.#parts.announceUrl(url);
  }

  async readiness(): Promise<string[]> {
    const { database, index } = this.#parts;
    const checks = await Promise.all([
      fault('database', () => database.ping()),
      fault('index', () => index.describeCollection(INDEX_ALIAS)),
    ]);
    return checks.filter((reason) => reason !== null);
  }

  async reconcile(options: { fix: boolean; signal?: AbortSignal }): Promise<ReconcileReport> {
    return reconcile(await this.#withModel(), options);
  }

  close(): Promise<void> {
    this.#closing ??= this.#parts.close();
    return this.#closing;
  }

  /** The parts with the model that is live now: one question meets one model, whatever goes live meanwhile. */
  async #withModel(): Promise<CatalogParts & OpenModel> {
    return { ...this.#parts, ...(await this.#parts.models.live()) };
  }

  #modelPlaces() {
    const { dataDir, reader, models } = this.#parts;
    return { dataDir, reader, configured: models.configured };
  }
}

async function fault(part: string, check: () => Promise<unknown>): Promise<string | null> {
  try {
    await check();
    return null;
  } catch (error) {
    const reason: EarshotError = asEarshotError(error);
    return `${part}: ${reason.message}`;
  }
}
