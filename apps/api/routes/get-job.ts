/** `GET /v1/jobs/{id}`: one job. */
import { createRoute } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jobIdOf, jobParams, jobSchema, jsonAnswer } from '../schemas.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/jobs/{id}',
  tags: ['jobs'],
  summary: 'Get a job',
  request: { params: jobParams },
  responses: { 200: jsonAnswer(jobSchema, 'The job'), default: errorAnswer },
});

export function registerGetJob(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => c.json(await catalog.getJob(jobIdOf(c.req.valid('param'))), 200));
}
