/** `POST /v1/separate` and `GET /v1/separations/{id}/{file}`: the sound of what is pointed at, and the rest. */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { createRoute, z } from '@hono/zod-openapi';
import {
  type AnalysisQuestion,
  analysisBody,
  answerAnalysis,
  registerAnalysisSchema,
} from '../analysis-request.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { resultFile, withResultFolder } from '../results.ts';
import { errorAnswer, jsonAnswer } from '../schemas.ts';

const share = z.number().min(0).max(1);
const fields = {
  region: z
    .strictObject({ x: share, y: share, width: share, height: share })
    .optional()
    .openapi({ description: 'Of the picture that guides, in 0..1 of its width and height' }),
};
const question: AnalysisQuestion<typeof fields> = { name: 'SeparationRequest', fields, others: ['with'] };

const url = (what: string) => z.string().openapi({ description: what });
const answer = z
  .object({
    target: url('Where the sound that was asked for can be fetched, as WAV'),
    residual: url('Where the mixture without it can be fetched, as WAV'),
    picture: url('Where spectrograms of mixture, mask, target and residual can be fetched, as one PNG'),
    expiresAt: z.string().openapi({ description: 'After this moment the three are gone' }),
    sampleRateHz: z.number(),
    channels: z.number(),
    durationSec: z.number(),
    targetShare: z.number().openapi({ description: "The target's part of the mixture's energy, 0..1" }),
  })
  .openapi('Separation');

const separation = createRoute({
  method: 'post',
  path: '/v1/separate',
  tags: ['analysis'],
  summary: 'The sound of what is seen, apart from the rest',
  description:
    'JSON with `clipId`, or a form with `file`: the mixture. Its own picture says what to listen for, or the `region` ' +
    'of it; or the picture of the file in `with`, or of the clip `withClipId`. Target and residual add up to the ' +
    'mixture, and have its sample rate, channels and length. They can be fetched for an hour, from this server.',
  request: { body: analysisBody(question) },
  responses: { 200: jsonAnswer(answer, 'Where the results are'), default: errorAnswer },
});

const KINDS = {
  'target.wav': 'audio/wav',
  'residual.wav': 'audio/wav',
  'spectrograms.png': 'image/png',
} as const;
type ResultName = keyof typeof KINDS;

const result = createRoute({
  method: 'get',
  path: '/v1/separations/{id}/{file}',
  tags: ['analysis'],
  summary: 'A result of a separation',
  request: {
    params: z.object({
      id: z.uuid(),
      file: z.enum(Object.keys(KINDS) as [ResultName, ...ResultName[]]),
    }),
  },
  responses: {
    200: { description: 'The file', content: { '*/*': { schema: { type: 'string', format: 'binary' } } } },
    default: errorAnswer,
  },
});

export function registerSeparate(app: ApiApp, context: ApiContext): void {
  registerAnalysisSchema(app, question);
  app.openapi(separation, async (c) => {
    const { signal } = c.req.raw;
    const { made, expiresAt } = await answerAnalysis(c, context, question, ({ subject, fields, others }) =>
      withResultFolder(context.resultDir, async ({ id, folder }) => {
        const request = { mixture: subject, like: others.get('with'), region: fields.region };
        const { target, residual, picture, ...rest } = await context.catalog.separate(request, folder, {
          signal,
        });
        const address = (file: string) => `/v1/separations/${id}/${basename(file)}`;
        return { target: address(target), residual: address(residual), picture: address(picture), ...rest };
      }),
    );
    return c.json({ ...made, expiresAt }, 200);
  });
  app.openapi(result, async (c) => {
    const { id, file } = c.req.valid('param');
    const { path, sizeBytes } = await resultFile(context.resultDir, id, file);
    c.header('Content-Type', KINDS[file]);
    c.header('Content-Length', String(sizeBytes));
    c.header('Cache-Control', 'private, no-store');
    return c.body(Readable.toWeb(createReadStream(path)) as ReadableStream, 200);
  });
}
