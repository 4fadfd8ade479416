/** `GET /metrics`: the numbers Prometheus collects. */
import { createRoute, z } from '@hono/zod-openapi';
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

export function registerMetrics(app: ApiApp, { metrics }: ApiContext): void {
  app.openapi(route, async (c) => {
    const text = await metrics.registry.metrics();
    return c.text(text, 200, { 'Content-Type': metrics.registry.contentType });
  });
}
