/** `POST /v1/synchronization`: how far a clip's sound is ahead of its picture. */
import { createRoute, z } from '@hono/zod-openapi';
import {
  type AnalysisQuestion,
  analysisBody,
  answerAnalysis,
  registerAnalysisSchema,
} from '../analysis-request.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jsonAnswer, modelIdentitySchema } from '../schemas.ts';

const question: AnalysisQuestion<Record<never, never>> = { name: 'SynchronizationRequest', fields: {} };

const answer = z
  .object({
    offsetSec: z.number().nullable().openapi({
      description: 'Seconds that the sound is ahead of the picture; null where there is nothing to go by',
    }),
    confidence: z.number().openapi({ description: 'Probability that the offset is right to 0.1 s, 0..1' }),
    synchronizability: z.number().openapi({
      description: 'Probability that there is anything to synchronise by, 0..1',
    }),
    verdict: z.enum(['in_sync', 'detectable', 'out_of_sync', 'not_synchronizable']),
    curve: z
      .array(z.object({ offsetSec: z.number(), probability: z.number() }))
      .openapi({ description: 'Probability of each offset that was tried' }),
    segment: z.object({ startSec: z.number(), endSec: z.number() }),
    model: modelIdentitySchema,
  })
  .openapi('Synchronization');

const route = createRoute({
  method: 'post',
  path: '/v1/synchronization',
  tags: ['analysis'],
  summary: 'Is the sound in time with the picture?',
  description:
    'JSON with `clipId`, or a form with `file`; `startSec` and `endSec` choose a part, by default the first 60 s. Each ' +
    'stream is compared as far as it goes, the sound up to 2 s beyond the picture. Verdicts after ITU-R BT.1359: ' +
    '`detectable` when the sound is more than 45 ms early or 125 ms late, `out_of_sync` beyond 90 ms and 185 ms.',
  request: { body: analysisBody(question) },
  responses: { 200: jsonAnswer(answer, 'The offset, and how sure it is'), default: errorAnswer },
});

export function registerSynchronization(app: ApiApp, context: ApiContext): void {
  registerAnalysisSchema(app, question);
  app.openapi(route, async (c) => {
    const { signal } = c.req.raw;
    const found = await answerAnalysis(c, context, question, ({ subject }) =>
      context.catalog.synchronize(subject, { signal }),
    );
    return c.json(found, 200);
  });
}
