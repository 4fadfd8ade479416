/** `POST /v1/jobs/{id}/retry`: tries a failed job again. */
import { createRoute } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jobIdOf, jobParams, jobSchema, jsonAnswer } from '../schemas.ts';

const route = createRoute({
  method: 'post',
  path: '/v1/jobs/{id}/retry',
  tags: ['jobs'],
  summary: 'Try a failed job again',
  request: { params: jobParams },
  responses: { 202: jsonAnswer(jobSchema, 'The job, queued again'), default: errorAnswer },
});

export function registerRetryJob(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => c.json(await catalog.retryJob(jobIdOf(c.req.valid('param'))), 202));
}
