/** What every route is handed: built once in `server.ts`, never looked up. */

import type { HttpBindings } from '@hono/node-server';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Logger } from 'pino';
import type { LocalCatalogService } from '#catalog/catalog-service';
import type { ApiMetrics } from './metrics.ts';

export interface AppEnv {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    logger: Logger;
  };
}

export type ApiApp = OpenAPIHono<AppEnv>;

export interface ApiContext {
  catalog: LocalCatalogService;
  logger: Logger;
  metrics: ApiMetrics;
  /** Folder for uploads on their way in; emptied of leftovers at start-up. */
  uploadDir: string;
  /** Folder of the files that answers refer to, for an hour each. */
  resultDir: string;
  /** Bytes of one uploaded or fetched file. */
  maxUploadBytes: number;
  /** Folder of the built page. */
  webDir: string;
  /** Lets `POST /v1/clips {url}` reach loopback and private addresses; only tests set it. */
  allowPrivateUrls: boolean;
}
