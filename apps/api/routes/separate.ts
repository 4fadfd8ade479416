/** `POST /v1/separate` and `GET /v1/separations/{id}/{file}`: the sound of what is pointed at, and the rest. */
import { createReadStream } from 'node:fs';
import { basename, extname } from 'node:path';
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
const regionSchema = z.strictObject({ x: share, y: share, width: share, height: share });
const fields = {
  region: regionSchema
    .optional()
    .openapi({ description: 'Of the picture that guides, in 0..1 of its width and height' }),
  label: z
    .string()
    .max(200)
    .optional()
    .openapi({ description: "In place of a region: found in the mixture's picture by its sound" }),
  codec: z
    .enum(['wav', 'same'])
    .optional()
    .openapi({ description: '24-bit WAV, or the codec of the mixture; default wav' }),
  previews: z.boolean().optional().openapi({ description: 'Copies to listen to, as loud as the mixture' }),
};
const question: AnalysisQuestion<typeof fields> = { name: 'SeparationRequest', fields, others: ['with'] };

const url = (what: string) => z.string().openapi({ description: what });
const answer = z
  .object({
    target: url('Where the sound that was asked for can be fetched'),
    residual: url('Where the mixture without it can be fetched'),
    picture: url('Where spectrograms of mixture, mask, target and residual can be fetched, as one PNG'),
    expiresAt: z.string().openapi({ description: 'After this moment the files are gone' }),
    sampleRateHz: z.number(),
    channels: z.number(),
    durationSec: z.number(),
    targetShare: z.number().openapi({ description: "The target's part of the mixture's energy, 0..1" }),
    previews: z
      .object({ target: url('AAC, stereo'), residual: url('AAC, stereo') })
      .optional()
      .openapi({ description: 'Where asked for: both as loud as the mixture (ITU-R BS.1770)' }),
    region: regionSchema.optional().openapi({ description: 'Where the label was found' }),
  })
  .openapi('Separation');

const separation = createRoute({
  method: 'post',
  path: '/v1/separate',
  tags: ['analysis'],
  summary: 'The sound of what is seen, apart from the rest',
  description:
    'JSON with `clipId`, or a form with `file`: the mixture. Its own picture says what to listen for, or the `region` ' +
    'of it, or what in it sounds like `label`; or the picture of the file in `with`, or of the clip `withClipId`. Target and residual add up to the ' +
    'mixture, and have its sample rate, channels and length. They can be fetched for an hour, from this server.',
  request: { body: analysisBody(question) },
  responses: { 200: jsonAnswer(answer, 'Where the results are'), default: errorAnswer },
});

/** By a result's extension. */
const KINDS: Readonly<Record<string, string>> = {
  wav: 'audio/wav',
  m4a: 'audio/mp4',
  mp3: 'audio/mpeg',
  opus: 'audio/ogg',
  ogg: 'audio/ogg',
  ac3: 'audio/ac3',
  flac: 'audio/flac',
  png: 'image/png',
};
const RESULT_NAME = /^(target|residual|target-preview|residual-preview|spectrograms)\.[a-z0-9]+$/;

const result = createRoute({
  method: 'get',
  path: '/v1/separations/{id}/{file}',
  tags: ['analysis'],
  summary: 'A result of a separation',
  request: {
    params: z.object({
      id: z.uuid(),
      file: z.string().regex(RESULT_NAME),
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
        const request = { mixture: subject, like: others.get('with'), ...fields };
        const { target, residual, picture, previews, ...rest } = await context.catalog.separate(
          request,
          folder,
          {
            signal,
          },
        );
        const address = (file: string) => `/v1/separations/${id}/${basename(file)}`;
        return {
          ...{ target: address(target), residual: address(residual), picture: address(picture), ...rest },
          ...(previews && {
            previews: { target: address(previews.target), residual: address(previews.residual) },
          }),
        };
      }),
    );
    return c.json({ ...made, expiresAt }, 200);
  });
  app.openapi(result, async (c) => {
    const { id, file } = c.req.valid('param');
    const { path, sizeBytes } = await resultFile(context.resultDir, id, file);
    c.header('Content-Type', KINDS[extname(file).slice(1)] ?? 'application/octet-stream');
    c.header('Content-Length', String(sizeBytes));
    c.header('Cache-Control', 'private, no-store');
    return c.body(Readable.toWeb(createReadStream(path)) as ReadableStream, 200);
  });
}
