/** Prometheus metrics of one server. Each server has its own registry, so that two in one process don't clash. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface ApiMetrics {
  registry: Registry;
  requestSeconds: Histogram<'method' | 'route' | 'status'>;
  searchSeconds: Histogram<'kind' | 'target'>;
  uploadedBytes: Counter;
  clipsAdded: Counter<'outcome'>;
  /** Of the whole catalog, whichever process works on them; set when the metrics are asked for. */
  jobs: Gauge<'status'>;
}

export function createMetrics(): ApiMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    requestSeconds: new Histogram({
      name: 'earshot_http_request_duration_seconds',
      help: 'Time from the request to the start of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    searchSeconds: new Histogram({
      name: 'earshot_search_duration_seconds',
      help: 'Time of a search, embedding of an uploaded query included.',
      labelNames: ['kind', 'target'],
      buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    uploadedBytes: new Counter({
      name: 'earshot_uploaded_bytes_total',
      help: 'Bytes of files received, uploads and fetched URLs alike.',
      registers,
    }),
    clipsAdded: new Counter({
      name: 'earshot_clips_added_total',
      help: 'Accepted clips by outcome: created, or already there.',
      labelNames: ['outcome'],
      registers,
    }),
    jobs: new Gauge({
      name: 'earshot_jobs',
      help: 'Ingest jobs of the catalog by status; absent while the database does not answer.',
      labelNames: ['status'],
      registers,
    }),
  };
}
