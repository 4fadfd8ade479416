/** Binds the application to a port, and lets go of it without cutting off requests under way. */
import type { Server } from 'node:http';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import type { Logger } from 'pino';
import type { LocalCatalogService } from '#catalog/catalog-service';
import { EarshotError } from '#core/errors';
import { createApp } from './app.ts';
import { createMetrics } from './metrics.ts';
import { isLoopbackHost } from './middleware/same-site.ts';
import { sweepResults } from './results.ts';
import { sweepUploads } from './uploads.ts';

/** How long requests under way may go on after a stop. Event streams would go on for ever. */
const CLOSE_GRACE_MS = 5000;

export interface ServerOptions {
  catalog: LocalCatalogService;
  logger: Logger;
  host: string;
  /** 0 takes a free one. */
  port: number;
  dataDir: string;
  version: string;
  /** The server has no keys yet: other machines are let in only when this is said. */
  allowPublic: boolean;
  /** Of one file, uploaded or fetched. */
  maxUploadBytes: number;
  webDir?: string;
  allowPrivateUrls?: boolean;
}

export interface RunningServer {
  url: string;
  port: number;
  /** Stops listening, waits a little for requests under way, then cuts the rest. The catalog stays open. */
  close(): Promise<void>;
}

/**
 * @throws EarshotError `configuration_invalid` for a public address without leave, `conflict` when the port can't be had
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host, logger } = options;
  const onlyLoopback = isLoopbackHost(host);
  if (!onlyLoopback && !options.allowPublic) {
    const message =
      `Anybody who reaches ${host} could read and delete this catalog: bind to 127.0.0.1, or put a proxy that ` +
      'checks who calls in front and say so with --allow-public (EARSHOT_ALLOW_PUBLIC=1).';
    throw new EarshotError('configuration_invalid', message, { subject: 'host' });
  }
  const uploadDir = join(options.dataDir, 'uploads');
  await sweepUploads(uploadDir);
  const resultDir = join(options.dataDir, 'results');
  await sweepResults(resultDir);
  const context = {
    catalog: options.catalog,
    logger,
    metrics: createMetrics(),
    uploadDir,
    resultDir,
    maxUploadBytes: options.maxUploadBytes,
    webDir: options.webDir ?? join(import.meta.dirname, '..', 'web', 'dist'),
    allowPrivateUrls: options.allowPrivateUrls ?? false,
  };
  const app = createApp(context, { onlyLoopback, version: options.version });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  // Large uploads over slow lines take longer than Node's five minutes; idle ones are cut by their sockets.
  server.requestTimeout = 0;
  const port = await listen(server, host, options.port);
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  logger.info({ url }, 'listening');
  return { url, port, close: () => closeServer(server) };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'another program uses it' : cause.message;
      const message = `Port ${port} of ${host} can't be had: ${reason}; choose another with --port.`;
      reject(new EarshotError('conflict', message, { subject: 'port', cause }));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
