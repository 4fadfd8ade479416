/** The catalog of a running server, behind the same port as a local one: what the commands use when one runs. */
import { createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type {
  AddedClip,
  AnalysisSubject,
  CatalogService,
  Classification,
  Clip,
  Collection,
  Correspondence,
  Description,
  Job,
  Label,
  Localization,
  LocalizationRequest,
  ModelSummary,
  ModelUse,
  NewClip,
  Page,
  SearchPage,
  SearchRequest,
  Separation,
  SeparationRequest,
  Synchronization,
} from '#catalog/catalog-service';
import { EarshotError, ERROR_CODES } from '#core/errors';
import { readEvents } from './event-stream.ts';
import { isLoopbackHost } from './middleware/same-site.ts';
import { type MultipartBody, multipartBody } from './multipart.ts';

type Body = { json: unknown } | { form: MultipartBody } | undefined;

const envelope = z.object({
  error: z.object({ code: z.enum(ERROR_CODES), message: z.string(), requestId: z.string().optional() }),
});

export class RemoteCatalog implements CatalogService {
  readonly #baseUrl: string;
  readonly #isLocal: boolean;

  /** @param baseUrl of the server, such as `http://127.0.0.1:8787` */
  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#isLocal = URL.canParse(baseUrl) && isLoopbackHost(new URL(baseUrl).hostname);
  }

  async addClip(clip: NewClip, options: { signal?: AbortSignal } = {}): Promise<AddedClip> {
    const { source, collection, title, tags, labels, metadata } = clip;
    if ('path' in source) await assertReadable(source.path);
    const fields = {
      collection,
      title,
      tags: tags && JSON.stringify(tags),
      labels: labels && JSON.stringify(labels),
      metadata: metadata && JSON.stringify(metadata),
      // On another machine the path would mean nothing, and tell strangers how this one is laid out.
      sourcePath: this.#isLocal ? pathOf(source) : undefined,
    };
    const response = await this.#send(
      'POST',
      '/v1/clips',
      { form: multipartBody(fields, { file: source }) },
      options,
    );
    const added = (await response.json()) as Omit<AddedClip, 'created'>;
    return { ...added, created: response.status === 202 };
  }

  async getClip(id: string): Promise<Clip> {
    return this.#json('GET', `/v1/clips/${encodeURIComponent(id)}`);
  }

  async listClips(options: Parameters<CatalogService['listClips']>[0]): Promise<Page<Clip>> {
    return this.#json('GET', `/v1/clips${queryString(options)}`);
  }

  /** The stored file, written to `file`; a half-written one is removed. */
  async saveMedia(id: string, file: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#save(`/v1/clips/${encodeURIComponent(id)}/media`, file, options);
  }

  async #save(path: string, file: string, options: { signal?: AbortSignal }): Promise<void> {
    const response = await this.#send('GET', path, undefined, options);
    const part = `${file}.part`;
    try {
      await pipeline(bytesOf(response), createWriteStream(part), { signal: options.signal });
      await rename(part, file);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  /** @returns the name that the file has in the folder, the last part of its path */
  async #saveInto(folder: string, path: string, options: { signal?: AbortSignal }): Promise<string> {
    const name = basename(path);
    await this.#save(path, join(folder, name), options);
    return name;
  }

  async listCollections(): Promise<Collection[]> {
    const { items } = await this.#json<{ items: Collection[] }>('GET', '/v1/collections');
    return items;
  }

  async updateClip(id: string, change: Parameters<CatalogService['updateClip']>[1]): Promise<Clip> {
    return this.#json('PATCH', `/v1/clips/${encodeURIComponent(id)}`, { json: change });
  }

  async deleteClip(id: string): Promise<void> {
    await this.#send('DELETE', `/v1/clips/${encodeURIComponent(id)}`);
  }

  async getJob(id: string): Promise<Job> {
    return this.#json('GET', `/v1/jobs/${encodeURIComponent(id)}`);
  }

  async listJobs(options: Parameters<CatalogService['listJobs']>[0]): Promise<Page<Job>> {
    return this.#json('GET', `/v1/jobs${queryString(options)}`);
  }

  async retryJob(id: string): Promise<Job> {
    return this.#json('POST', `/v1/jobs/${encodeURIComponent(id)}/retry`);
  }

  async *watchJob(id: string, options: { signal?: AbortSignal } = {}): AsyncIterable<Job> {
    const response = await this.#send('GET', `/v1/jobs/${encodeURIComponent(id)}/events`, undefined, options);
    for await (const { event, data } of readEvents(bytesOf(response))) {
      if (event === 'job') yield JSON.parse(data) as Job;
      if (event === 'error') throw errorFrom({ error: JSON.parse(data) });
    }
  }

  async search(request: SearchRequest, options: { signal?: AbortSignal } = {}): Promise<SearchPage> {
    const { query, ...rest } = request;
    if (!('file' in query)) {
      const plain = 'vector' in query ? { ...query, vector: [...query.vector] } : query;
      return this.#json('POST', '/v1/search', { json: { query: plain, ...rest } }, options);
    }
    await assertReadable(query.file);
    const fields = { query: JSON.stringify({ modality: query.modality, ...rest }) };
    return this.#json(
      'POST',
      '/v1/search',
      { form: multipartBody(fields, { file: { path: query.file } }) },
      options,
    );
  }

  async embedFile(
    file: string,
    options: Parameters<CatalogService['embedFile']>[1] = {},
  ): ReturnType<CatalogService['embedFile']> {
    await assertReadable(file);
    const form = multipartBody({ modality: options.modality }, { file: { path: file } });
    return this.#json('POST', '/v1/embeddings', { form }, options);
  }

  async correspond(
    { picture, sound }: { picture: AnalysisSubject; sound?: AnalysisSubject },
    options: { signal?: AbortSignal } = {},
  ): Promise<Correspondence> {
    const others = { audio: sound };
    return this.#analyse('/v1/correspondence', picture, { others }, options);
  }

  async listLabels(options: { limit?: number; cursor?: string }): Promise<Page<Label>> {
    return this.#json('GET', `/v1/labels${queryString(options)}`);
  }

  async addExamples(label: string, clipIds: readonly string[]): Promise<Label> {
    return this.#json('POST', `/v1/labels/${encodeURIComponent(label)}/examples`, { json: { clipIds } });
  }

  async removeExamples(label: string, clipIds: readonly string[]): Promise<Label> {
    return this.#json('DELETE', `/v1/labels/${encodeURIComponent(label)}/examples`, { json: { clipIds } });
  }

  async deleteLabel(label: string): Promise<void> {
    await this.#send('DELETE', `/v1/labels${queryString({ name: label })}`);
  }

  async classify(
    { subject, labels }: { subject: AnalysisSubject; labels?: readonly string[] },
    options: { signal?: AbortSignal } = {},
  ): Promise<Classification> {
    return this.#analyse('/v1/classify', subject, { fields: { labels } }, options);
  }

  /** The server's results, fetched into the folder. */
  async separate(
    { mixture, like, ...fields }: SeparationRequest,
    folder: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<Separation> {
    const asked = { fields, others: { with: like } };
    const made = await this.#analyse<Separation>('/v1/separate', mixture, asked, options);
    await mkdir(folder, { recursive: true });
    const fetched = async (address: string) => join(folder, await this.#saveInto(folder, address, options));
    const { sampleRateHz, channels, durationSec, targetShare, previews, region } = made;
    return {
      target: await fetched(made.target),
      residual: await fetched(made.residual),
      picture: await fetched(made.picture),
      ...{ sampleRateHz, channels, durationSec, targetShare },
      ...(previews && {
        previews: { target: await fetched(previews.target), residual: await fetched(previews.residual) },
      }),
      ...(region && { region }),
    };
  }

  async describe(
    { subject }: { subject: AnalysisSubject },
    options: { signal?: AbortSignal } = {},
  ): Promise<Description> {
    return this.#analyse('/v1/describe', subject, {}, options);
  }

  async synchronize(
    subject: AnalysisSubject,
    options: { signal?: AbortSignal } = {},
  ): Promise<Synchronization> {
    return this.#analyse('/v1/synchronization', subject, {}, options);
  }

  /** The server's files are fetched into the request's folder. */
  async localize(
    { subject, query, folder, mapsPerSec, overlays }: LocalizationRequest,
    options: { signal?: AbortSignal } = {},
  ): Promise<Localization> {
    const asked =
      query && 'label' in query
        ? { fields: { mapsPerSec, overlays, queryLabel: query.label } }
        : { fields: { mapsPerSec, overlays }, others: { query } };
    const { expiresAt: _expiresAt, ...answer } = await this.#analyse<Localization & { expiresAt: string }>(
      '/v1/localize',
      subject,
      asked,
      options,
    );
    await mkdir(folder, { recursive: true });
    const fetched = (url: string) => this.#saveInto(folder, url, options);
    const all = async <T extends { file: string }>(files: readonly T[]): Promise<T[]> => {
      const out: T[] = [];
      for (const each of files) out.push({ ...each, file: await fetched(each.file) });
      return out;
    };
    const sources: Localization['sources'] = [];
    for (const source of answer.sources) sources.push({ ...source, maps: await all(source.maps) });
    return {
      ...answer,
      sources,
      maps: await all(answer.maps),
      overlays: await all(answer.overlays),
      film: answer.film && (await fetched(answer.film)),
    };
  }

  async listModels(): Promise<ModelSummary[]> {
    const { items } = await this.#json<{ items: ModelSummary[] }>('GET', '/v1/models');
    return items;
  }

  async useModel(name: string): Promise<ModelUse> {
    return this.#json('POST', `/v1/models/${encodeURIComponent(name)}/use`);
  }

  async removeModel(name: string): Promise<{ removedPoints: number }> {
    return this.#json('DELETE', `/v1/models/${encodeURIComponent(name)}`);
  }

  async close(): Promise<void> {
    // Nothing is held between calls.
  }

  /**
   * Asks something of a subject, and perhaps of others beside it: JSON where all of them are clips, else a form.
   *
   * @param asked `fields` of the question itself; `others` by the field that a file of theirs is sent in, `<field>ClipId`
   *   for a clip
   */
  async #analyse<T>(
    path: string,
    subject: AnalysisSubject,
    asked: {
      fields?: Record<string, unknown>;
      others?: Record<string, AnalysisSubject | undefined>;
    },
    options: { signal?: AbortSignal },
  ): Promise<T> {
    const fields: Record<string, unknown> = { ...asked.fields };
    const files: Record<string, { path: string }> = {};
    for (const [field, other] of Object.entries({ '': subject, ...asked.others })) {
      if (!other) continue;
      const named = (name: string) =>
        field === '' ? name : `${field}${name[0]?.toUpperCase()}${name.slice(1)}`;
      if ('file' in other) {
        await assertReadable(other.file);
        files[field === '' ? 'file' : field] = { path: other.file };
      } else fields[named('clipId')] = other.clipId;
      fields[named('startSec')] = other.startSec;
      fields[named('endSec')] = other.endSec;
    }
    if (Object.keys(files).length === 0) return this.#json('POST', path, { json: fields }, options);
    const texts = Object.entries(fields).map(([name, value]) => [name, formText(value)]);
    return this.#json('POST', path, { form: multipartBody(Object.fromEntries(texts), files) }, options);
  }

  async #json<T>(method: string, path: string, body?: Body, options?: { signal?: AbortSignal }): Promise<T> {
    const response = await this.#send(method, path, body, options);
    return (await response.json()) as T;
  }

  async #send(
    method: string,
    path: string,
    body?: Body,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.#baseUrl}${path}`, { method, signal, ...bodyInit(body) });
    } catch (cause) {
      if (signal?.aborted)
        throw new EarshotError('cancelled', 'Stopped before the server answered.', { cause });
      const reason = rootCause(cause);
      const message = `The server at ${this.#baseUrl} can't be reached (${reason}): start it with "earshot serve".`;
      throw new EarshotError('server_unreachable', message, {
        subject: this.#baseUrl,
        cause,
        retryable: true,
      });
    }
    if (!response.ok) throw errorFrom(await response.json().catch(() => null), response.status);
    return response;
  }
}

/** As a form carries it: text as it is, anything else as JSON. */
function formText(value: unknown): string | undefined {
  return value === undefined || typeof value === 'string' ? value : JSON.stringify(value);
}

function pathOf(source: NewClip['source']): string | undefined {
  return 'path' in source ? resolve(source.path) : source.sourcePath;
}

async function* bytesOf(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body) yield* response.body;
}

function bodyInit(body: Body): RequestInit & { duplex?: 'half' } {
  if (body === undefined) return {};
  if ('json' in body) {
    return { body: JSON.stringify(body.json), headers: { 'content-type': 'application/json' } };
  }
  // Node's fetch streams an async iterable; the DOM's types don't know it.
  const chunks = body.form.chunks as unknown as BodyInit;
  return { body: chunks, headers: { 'content-type': body.form.contentType }, duplex: 'half' };
}

/** The server's own code and sentence; anything else on the line is not one of our servers. */
function errorFrom(answer: unknown, status?: number): EarshotError {
  const parsed = envelope.safeParse(answer);
  if (!parsed.success) {
    const message = `The server answers ${status ?? 'something'} but not as Earshot does: check EARSHOT_API_URL.`;
    return new EarshotError('internal', message, { subject: 'EARSHOT_API_URL' });
  }
  const { code, message } = parsed.data.error;
  return new EarshotError(code, message, { retryable: status === 503 });
}

function queryString(options: Record<string, string | number | undefined>): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return query === '' ? '' : `?${query}`;
}

/** Says which file is missing before a request is begun; a stream that fails half-way says much less. */
async function assertReadable(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r');
    await handle.close();
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const message = missing ? `There is no file ${path}.` : `The file ${path} can't be read.`;
    throw new EarshotError(missing ? 'file_not_found' : 'file_unreadable', message, { subject: path, cause });
  }
}

function rootCause(error: unknown): string {
  const inner = (error as { cause?: unknown }).cause ?? error;
  return (inner as NodeJS.ErrnoException).code ?? (inner as Error).message;
}
