/** The application over a catalog that answers nothing, for rules that hold before any catalog is asked. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { createApp } from '#apps/api/app';
import type { ApiApp, ApiContext } from '#apps/api/context';
import { createMetrics } from '#apps/api/metrics';
import type { LocalCatalogService } from '#catalog/catalog-service';

export function stubApp(
  options: { onlyLoopback?: boolean; catalog?: Partial<LocalCatalogService> } = {},
): ApiApp {
  const context: ApiContext = {
    catalog: (options.catalog ?? {}) as LocalCatalogService,
    logger: pino({ level: 'silent' }),
    metrics: createMetrics(),
    uploadDir: join(tmpdir(), 'earshot-stub-uploads'),
    resultDir: join(tmpdir(), 'earshot-stub-results'),
    maxUploadBytes: 1000,
    webDir: join(import.meta.dirname, 'no-such-folder'),
    allowPrivateUrls: false,
  };
  return createApp(context, { onlyLoopback: options.onlyLoopback ?? true, version: '0.0.0-test' });
}
