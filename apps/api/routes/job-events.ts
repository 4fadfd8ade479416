/** `GET /v1/jobs/{id}/events`: a job's changes as they happen, as server-sent events. */
import { createRoute } from '@hono/zod-openapi';
import { streamSSE } from 'hono/streaming';
import { asEarshotError } from '#core/errors';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jobIdOf, jobParams } from '../schemas.ts';

/** Comments that keep proxies from closing a quiet stream. */
const HEARTBEAT_MS = 15_000;

const route = createRoute({
  method: 'get',
  path: '/v1/jobs/{id}/events',
  tags: ['jobs'],
  summary: 'Follow a job',
  description: 'Events named `job` whose data is a Job; the stream ends when the job has ended.',
  request: { params: jobParams },
  responses: {
    200: {
      description: 'Server-sent events',
      content: { 'text/event-stream': { schema: { type: 'string' as const } } },
    },
    default: errorAnswer,
  },
});

export function registerJobEvents(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => {
    const id = jobIdOf(c.req.valid('param'));
    // Asked for before the stream begins: an unknown job is a 404, not an empty stream.
    await catalog.getJob(id);
    c.header('X-Accel-Buffering', 'no');
    const logger = c.var.logger;
    return streamSSE(c, async (stream) => {
      const gone = new AbortController();
      stream.onAbort(() => gone.abort());
      const heartbeat = setInterval(() => void stream.write(': still here\n\n'), HEARTBEAT_MS);
      try {
        for await (const job of catalog.watchJob(id, { signal: gone.signal })) {
          await stream.writeSSE({ event: 'job', id: job.updatedAt, data: JSON.stringify(job) });
        }
      } catch (thrown) {
        if (gone.signal.aborted) return;
        const { code, message } = asEarshotError(thrown);
        logger.warn({ err: thrown }, 'job stream failed');
        await stream.writeSSE({ event: 'error', data: JSON.stringify({ code, message }) });
      } finally {
        clearInterval(heartbeat);
      }
    });
  });
}
