/** The page's calls to its own server. Every failure is the server's own sentence. */
import type {
  Clip,
  Collection,
  Job,
  Modality,
  ModelSummary,
  Page,
  SearchPage,
} from '#catalog/catalog-service';

interface ErrorEnvelope {
  error?: { message?: string };
}

export interface Filter {
  collection: string;
  tag: string;
}

const CLIPS_PER_PAGE = 48;
const RESULTS_PER_PAGE = 12;

export function mediaUrl(clip: Clip): string {
  return `/v1/clips/${clip.id}/media`;
}

export function thumbnailUrl(clip: Clip, atSec?: number): string {
  const time = atSec === undefined ? '' : `&atSec=${atSec.toFixed(2)}`;
  return `/v1/clips/${clip.id}/thumbnail?width=480${time}`;
}

export function listClips(filter: Filter, cursor: string | null): Promise<Page<Clip>> {
  const query = new URLSearchParams({ limit: String(CLIPS_PER_PAGE) });
  if (filter.collection !== '') query.set('collection', filter.collection);
  if (filter.tag !== '') query.set('tag', filter.tag);
  if (cursor !== null) query.set('cursor', cursor);
  return request(`/v1/clips?${query}`);
}

export async function listCollections(): Promise<Collection[]> {
  const { items } = await request<{ items: Collection[] }>('/v1/collections');
  return items;
}

export function getClip(id: string): Promise<Clip> {
  return request(`/v1/clips/${id}`);
}

export async function deleteClip(id: string): Promise<void> {
  await request(`/v1/clips/${id}`, { method: 'DELETE' });
}

export async function activeModel(): Promise<ModelSummary | undefined> {
  const { items } = await request<{ items: ModelSummary[] }>('/v1/models');
  return items.find((model) => model.active);
}

export function waveform(clip: Clip, buckets: number): Promise<{ min: number[]; max: number[] }> {
  return request(`/v1/clips/${clip.id}/waveform?buckets=${buckets}`);
}

export function searchByClip(
  clip: Clip,
  target: Modality,
  filter: Filter,
  cursor: string | null,
): Promise<SearchPage> {
  const body = {
    query: { clipId: clip.id, modality: target === 'audio' ? 'video' : 'audio' },
    for: target,
    topK: RESULTS_PER_PAGE,
    // Its own other half would come first and say nothing.
    filter: { ...clipFilter(filter), excludeClipIds: [clip.id] },
    cursor: cursor ?? undefined,
  };
  const headers = { 'content-type': 'application/json' };
  return request('/v1/search', { method: 'POST', headers, body: JSON.stringify(body) });
}

export function searchByFile(
  file: File,
  target: Modality,
  filter: Filter,
  cursor: string | null,
): Promise<SearchPage> {
  const form = new FormData();
  form.set('query', JSON.stringify({ modality: target === 'audio' ? 'video' : 'audio' }));
  form.set('for', target);
  form.set('topK', String(RESULTS_PER_PAGE));
  form.set('filter', JSON.stringify(clipFilter(filter)));
  if (cursor !== null) form.set('cursor', cursor);
  form.set('file', file);
  return request('/v1/search', { method: 'POST', body: form });
}

/** Asks one of the questions about a clip: `correspondence`, `synchronization` and their like. */
export function askAbout<T>(question: string, clip: Clip, more: Record<string, unknown> = {}): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ clipId: clip.id, ...more });
  return request(`/v1/${question}`, { method: 'POST', headers, body });
}

/** Uploads one file. @param onProgress told 0..1 of the bytes sent */
export function upload(
  file: File,
  collection: string,
  onProgress: (progress: number) => void,
): Promise<{ clip: Clip; job: Job | null }> {
  const form = new FormData();
  if (collection !== '') form.set('collection', collection);
  form.set('file', file);
  // fetch tells nothing while it sends.
  const call = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    call.upload.onprogress = (event) => onProgress(event.total === 0 ? 0 : event.loaded / event.total);
    call.onerror = () => reject(new Error('The server went away in the middle of the upload.'));
    call.onload = () => {
      const answer = parse(call.responseText);
      if (call.status < 300) resolve(answer as { clip: Clip; job: Job | null });
      else
        reject(new Error((answer as ErrorEnvelope).error?.message ?? `The server answered ${call.status}.`));
    };
    call.open('POST', '/v1/clips');
    call.send(form);
  });
}

/** Follows a job until it ends. */
export function followJob(id: string, onChange: (job: Job) => void): Promise<Job> {
  return new Promise((resolve, reject) => {
    const events = new EventSource(`/v1/jobs/${id}/events`);
    events.addEventListener('job', (event) => {
      const job = JSON.parse(event.data) as Job;
      onChange(job);
      if (!['done', 'failed', 'cancelled'].includes(job.status)) return;
      events.close();
      resolve(job);
    });
    events.onerror = () => {
      // The browser connects again by itself unless the server refused for good.
      if (events.readyState === EventSource.CLOSED) reject(new Error('The server went away.'));
    };
  });
}

function clipFilter(filter: Filter): { collections?: string[]; anyTag?: string[] } {
  return {
    ...(filter.collection === '' ? {} : { collections: [filter.collection] }),
    ...(filter.tag === '' ? {} : { anyTag: [filter.tag] }),
  };
}

async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Error('The server does not answer. Is it still running?');
  }
  const answer = parse(await response.text());
  if (response.ok) return answer as T;
  throw new Error((answer as ErrorEnvelope).error?.message ?? `The server answered ${response.status}.`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
