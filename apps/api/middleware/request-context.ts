/** Gives every request an id and a logger that carries it, and measures and logs how it was answered. */
import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { ApiContext, AppEnv } from '../context.ts';

/** Ids of callers are taken over when they can't upset a log. */
const ACCEPTABLE_ID = /^[\w.:-]{1,100}$/;

export function requestContext(context: ApiContext): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const given = c.req.header('x-request-id') ?? '';
    const requestId = ACCEPTABLE_ID.test(given) ? given : randomUUID();
    c.set('requestId', requestId);
    c.set('logger', context.logger.child({ requestId }));
    c.header('x-request-id', requestId);
    const startedMs = performance.now();
    await next();
    const tookMs = performance.now() - startedMs;
    // The route's pattern, not the path: ids would make a time series of every clip.
    const route = routePath(c, -1);
    const labels = { method: c.req.method, route, status: String(c.res.status) };
    context.metrics.requestSeconds.observe(labels, tookMs / 1000);
    const { path, method } = c.req;
    c.var.logger.info({ method, path, status: c.res.status, tookMs: Math.round(tookMs) }, 'request');
  };
}
