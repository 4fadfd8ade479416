/** `GET /health`: the process answers. It asks nothing of the stores, or a slow database would get it restarted. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp } from '../context.ts';
import { jsonAnswer } from '../schemas.ts';

const route = createRoute({
  method: 'get',
  path: '/health',
  tags: ['running it'],
  summary: 'Whether the process is alive',
  responses: { 200: jsonAnswer(z.object({ status: z.literal('ok') }), 'Alive') },
});

export function registerHealth(app: ApiApp): void {
  app.openapi(route, (c) => c.json({ status: 'ok' as const }, 200));
}
