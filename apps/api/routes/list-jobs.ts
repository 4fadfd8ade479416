/** `GET /v1/jobs`: the jobs, newest first, a page at a time. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jobSchema, jobStatusSchema, jsonAnswer, pageQuery } from '../schemas.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/jobs',
  tags: ['jobs'],
  summary: 'List jobs',
  request: { query: z.object({ status: jobStatusSchema.optional(), ...pageQuery }) },
  responses: {
    200: jsonAnswer(
      z.object({ items: z.array(jobSchema), nextCursor: z.string().nullable() }).openapi('JobPage'),
      'One page of jobs',
    ),
    default: errorAnswer,
  },
});

export function registerListJobs(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => c.json(await catalog.listJobs(c.req.valid('query')), 200));
}
