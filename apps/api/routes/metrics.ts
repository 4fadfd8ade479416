/** `GET /metrics`: the numbers Prometheus collects. */
import { createRoute, z } from '@hono/zod-openapi';
import { JOB_STATUSES } from '#catalog/catalog-service';
import type { ApiApp, ApiContext } from '../context.ts';

const route = createRoute({
  method: 'get',
  path: '/metrics',
  tags: ['running it'],
  summary: 'Prometheus metrics',
  responses: {
    200: {
      description: 'Prometheus text format',
      content: { 'text/plain': { schema: z.string() } },
    },
  },
});

export function registerMetrics(app: ApiApp, context: ApiContext): void {
  const { metrics } = context;
  app.openapi(route, async (c) => {
    await countJobs(context);
    const text = await metrics.registry.metrics();
    return c.text(text, 200, { 'Content-Type': metrics.registry.contentType });
  });
}

/** A database that is away costs these numbers only: the others are wanted all the more then. */
async function countJobs({ catalog, metrics, logger }: ApiContext): Promise<void> {
  try {
    const counts = await catalog.jobCounts();
    for (const status of JOB_STATUSES) metrics.jobs.set({ status }, counts[status]);
  } catch (error) {
    metrics.jobs.reset();
    logger.warn({ err: error }, 'the jobs could not be counted for /metrics');
  }
}
