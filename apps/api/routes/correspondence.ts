/** `POST /v1/correspondence`: whether a picture and a sound belong together. */
import { createRoute, z } from '@hono/zod-openapi';
import {
  type AnalysisQuestion,
  analysisBody,
  answerAnalysis,
  registerAnalysisSchema,
} from '../analysis-request.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jsonAnswer, modelIdentitySchema } from '../schemas.ts';

const question: AnalysisQuestion<Record<never, never>> = {
  name: 'CorrespondenceRequest',
  fields: {},
  others: ['audio'],
};

const answer = z
  .object({
    score: z.number().openapi({ description: 'Cosine similarity, -1..1' }),
    probability: z.number().nullable().openapi({ description: '0..1; null where nothing was calibrated' }),
    model: modelIdentitySchema,
  })
  .openapi('Correspondence');

const route = createRoute({
  method: 'post',
  path: '/v1/correspondence',
  tags: ['analysis'],
  summary: 'Do picture and sound belong together?',
  description:
    'JSON with `clipId`, or a form with `file`; `startSec` and `endSec` choose a part, by default the first 60 s. The ' +
    "sound is the clip's own, or that of the file in `audio`, or of the clip `audioClipId`. Silence and darkness score 0.",
  request: { body: analysisBody(question) },
  responses: { 200: jsonAnswer(answer, 'How well they go together'), default: errorAnswer },
});

export function registerCorrespondence(app: ApiApp, context: ApiContext): void {
  registerAnalysisSchema(app, question);
  app.openapi(route, async (c) => {
    const { signal } = c.req.raw;
    const found = await answerAnalysis(c, context, question, ({ subject, others }) =>
      context.catalog.correspond({ picture: subject, sound: others.get('audio') }, { signal }),
    );
    return c.json(found, 200);
  });
}
