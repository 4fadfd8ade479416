/** A server on a free port over a real embedded catalog with the fake model, in a temporary folder. */
import { join } from 'node:path';
import pino from 'pino';
import { type RunningServer, startServer } from '#apps/api/server';
import type { Clip, LocalCatalogService } from '#catalog/catalog-service';
import { openTestCatalog, removeFolder, temporaryFolder } from '../../catalog/support/test-catalog.ts';

export const MAX_UPLOAD_BYTES = 2 * 2 ** 20;
/** Short generated clips with sound and picture. */
export const SAMPLES = join(import.meta.dirname, '..', '..', 'fixtures', 'clips');

export interface TestServer extends RunningServer {
  catalog: LocalCatalogService;
  dataDir: string;
  /** Uploads a file and waits until it is indexed. */
  ingest(path: string, fields?: { collection?: string; tags?: string[] }): Promise<Clip>;
  stop(): Promise<void>;
}

export async function startTestServer(options: { allowPrivateUrls?: boolean } = {}): Promise<TestServer> {
  const folder = await temporaryFolder();
  const dataDir = join(folder, 'data');
  const catalog = await openTestCatalog(dataDir);
  await catalog.startWorker();
  const server = await startServer({
    catalog,
    logger: pino({ level: 'silent' }),
    host: '127.0.0.1',
    port: 0,
    dataDir,
    version: '0.0.0-test',
    allowPublic: false,
    maxUploadBytes: MAX_UPLOAD_BYTES,
    ...options,
  });
  return {
    ...server,
    catalog,
    dataDir,
    async ingest(path, fields = {}) {
      const { clip, job } = await catalog.addClip({ source: { path }, ...fields });
      for await (const _state of job === null ? [] : catalog.watchJob(job.id));
      return catalog.getClip(clip.id);
    },
    async stop() {
      await server.close();
      await catalog.close();
      await removeFolder(folder);
    },
  };
}
