/** `POST /v1/describe`: what one would expect to hear of a picture. */
import { createRoute, z } from '@hono/zod-openapi';
import {
  type AnalysisQuestion,
  analysisBody,
  answerAnalysis,
  registerAnalysisSchema,
} from '../analysis-request.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jsonAnswer, modelIdentitySchema } from '../schemas.ts';

const question: AnalysisQuestion<Record<never, never>> = { name: 'DescribeRequest', fields: {} };

const score = z.number().openapi({ description: 'Cosine similarity, -1..1' });

const evidence = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('label'), label: z.string(), score, probability: z.number() }),
  z.object({ kind: z.literal('clip'), clipId: z.string(), title: z.string(), score }),
  z.object({
    kind: z.literal('motion'),
    onsetsPerSec: z.number().openapi({ description: 'Bursts of motion' }),
    motionPerSec: z.number().openapi({ description: 'Change of luma, of full scale' }),
    loudness: z.enum(['silent', 'quiet', 'moderate', 'loud']).openapi({ description: 'What it suggests' }),
  }),
]);

const answer = z
  .object({
    sentence: z.string(),
    evidence: z.array(evidence).openapi({ description: 'Labels, clips, motion; the nearest first' }),
    model: modelIdentitySchema,
  })
  .openapi('Description');

const route = createRoute({
  method: 'post',
  path: '/v1/describe',
  tags: ['analysis'],
  summary: 'What would one expect to hear?',
  description:
    'JSON with `clipId`, or a form with `file`; `startSec` and `endSec` choose a part. Only the picture is looked at: the ' +
    "labels whose example sounds and the clips whose sounds lie nearest to it (a clip's own is left out), and what its " +
    'motion suggests.',
  request: { body: analysisBody(question) },
  responses: { 200: jsonAnswer(answer, 'A sentence, and what it rests on'), default: errorAnswer },
});

export function registerDescribe(app: ApiApp, context: ApiContext): void {
  registerAnalysisSchema(app, question);
  app.openapi(route, async (c) => {
    const { signal } = c.req.raw;
    const found = await answerAnalysis(c, context, question, ({ subject }) =>
      context.catalog.describe({ subject }, { signal }),
    );
    return c.json(found, 200);
  });
}
