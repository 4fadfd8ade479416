/** `POST /v1/classify`: which label a scene belongs to. */
import { createRoute, z } from '@hono/zod-openapi';
import {
  type AnalysisQuestion,
  analysisBody,
  answerAnalysis,
  registerAnalysisSchema,
} from '../analysis-request.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jsonAnswer, modelIdentitySchema } from '../schemas.ts';

const fields = {
  labels: z
    .array(z.string())
    .optional()
    .openapi({ description: 'The labels to choose among; by default all that have examples' }),
};

const question: AnalysisQuestion<typeof fields> = { name: 'ClassifyRequest', fields };

const scores = z.array(
  z.object({ label: z.string(), probability: z.number().openapi({ minimum: 0, maximum: 1 }) }),
);

const answer = z
  .object({
    scores: scores.openapi({ description: 'By sound and picture together, or by the one there is' }),
    verdict: z.string().openapi({ description: 'A label, or "unknown" where nothing is near' }),
    audio: scores.nullable().openapi({ description: 'By the sound alone; null where there is none' }),
    video: scores.nullable().openapi({ description: 'By the picture alone; null where there is none' }),
    model: modelIdentitySchema,
  })
  .openapi('Classification');

const route = createRoute({
  method: 'post',
  path: '/v1/classify',
  tags: ['analysis'],
  summary: 'Which label does a scene belong to?',
  description:
    'JSON with `clipId`, or a form with `file`; `startSec` and `endSec` choose a part, by default all of an indexed clip ' +
    'and the first 60 s of a file. Scores come in the order of the labels given, else the most probable first.',
  request: { body: analysisBody(question) },
  responses: { 200: jsonAnswer(answer, 'How probable each label is'), default: errorAnswer },
});

export function registerClassify(app: ApiApp, context: ApiContext): void {
  registerAnalysisSchema(app, question);
  app.openapi(route, async (c) => {
    const { signal } = c.req.raw;
    const found = await answerAnalysis(c, context, question, ({ subject, fields: { labels } }) =>
      context.catalog.classify({ subject, labels }, { signal }),
    );
    return c.json(found, 200);
  });
}
