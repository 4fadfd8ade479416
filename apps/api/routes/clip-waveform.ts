/** `GET /v1/clips/{id}/waveform`: the outline of a clip's sound. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { clipIdOf, clipParams, errorAnswer, jsonAnswer } from '../schemas.ts';

const DEFAULT_BUCKETS = 200;

const answer = z
  .object({
    min: z.array(z.number()).openapi({ description: 'Smallest sample of each bucket, -1..1' }),
    max: z.array(z.number()),
    durationSec: z.number(),
  })
  .openapi('Waveform');

const route = createRoute({
  method: 'get',
  path: '/v1/clips/{id}/waveform',
  tags: ['clips'],
  summary: "The outline of a clip's sound",
  request: {
    params: clipParams,
    query: z.object({ buckets: z.coerce.number().int().min(1).max(4096).optional() }),
  },
  responses: { 200: jsonAnswer(answer, 'Peaks'), default: errorAnswer },
});

export function registerClipWaveform(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => {
    const { buckets = DEFAULT_BUCKETS } = c.req.valid('query');
    const peaks = await catalog.clipWaveform(clipIdOf(c.req.valid('param')), { buckets });
    c.header('Cache-Control', 'private, max-age=86400');
    return c.json(peaks, 200);
  });
}
