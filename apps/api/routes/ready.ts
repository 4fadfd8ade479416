/** `GET /ready`: whether the server can do its work now, for load balancers. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { jsonAnswer } from '../schemas.ts';

const answer = z
  .object({
    ready: z.boolean(),
    missing: z.array(z.string()).openapi({ description: 'What is not ready, in words' }),
  })
  .openapi('Readiness');

const route = createRoute({
  method: 'get',
  path: '/ready',
  tags: ['running it'],
  summary: 'Whether the server can do its work',
  responses: { 200: jsonAnswer(answer, 'Ready'), 503: jsonAnswer(answer, 'Not ready') },
});

export function registerReady(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => {
    const missing = await catalog.readiness();
    return missing.length === 0
      ? c.json({ ready: true, missing }, 200)
      : c.json({ ready: false, missing }, 503);
  });
}
