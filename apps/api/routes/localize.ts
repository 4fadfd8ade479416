/** `POST /v1/localize`: where in the picture the sound comes from. */
import { createRoute, z } from '@hono/zod-openapi';
import {
  type AnalysisQuestion,
  analysisBody,
  answerAnalysis,
  registerAnalysisSchema,
} from '../analysis-request.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { withResultFolder } from '../results.ts';
import { errorAnswer, jsonAnswer, modelIdentitySchema } from '../schemas.ts';

const question = {
  name: 'LocalizationRequest',
  fields: {
    mapsPerSec: z.number().positive().max(25).optional(),
    queryLabel: z.string().max(200).optional(),
    overlays: z.enum(['none', 'pictures', 'film']).optional(),
  },
  others: ['query'],
} satisfies AnalysisQuestion<z.ZodRawShape>;

const fraction = z.number().min(0).max(1);
const box = z
  .object({ x: fraction, y: fraction, width: fraction, height: fraction })
  .openapi({ description: 'In 0..1 of the frame' });
const map = z
  .object({
    timeSec: z.number(),
    width: z.number().int(),
    height: z.number().int(),
    box: box.nullable().openapi({ description: 'Around what sounds at that time' }),
    file: z.string().openapi({ description: 'Path of a 16-bit PNG, 65535 = 1.0; it expires' }),
  })
  .openapi('LocalizationMap');

const answer = z
  .object({
    sounding: z.boolean().openapi({ description: 'Whether the confidence reaches the threshold' }),
    confidence: fraction.openapi({ description: 'That something in the picture makes the sound' }),
    threshold: fraction,
    mapThreshold: fraction.openapi({
      description: 'From which value on a place of a map counts as sounding',
    }),
    maps: z.array(map),
    sources: z.array(z.object({ label: z.string(), probability: fraction, box, maps: z.array(map) })),
    overlays: z.array(z.object({ timeSec: z.number(), file: z.string() })),
    film: z.string().nullable().openapi({ description: 'Path of an MP4, where asked for' }),
    expiresAt: z
      .string()
      .openapi({ format: 'date-time', description: 'Until when the files can be fetched' }),
    model: modelIdentitySchema,
  })
  .openapi('Localization');

const route = createRoute({
  method: 'post',
  path: '/v1/localize',
  tags: ['analysis'],
  summary: 'Where in the picture does the sound come from?',
  description:
    'JSON with `clipId`, or a form with `file`; `startSec` and `endSec` choose a part of up to 120 s, by default the ' +
    'first 30 s. `query` (a file), `queryClipId` or `queryLabel` asks where another sound comes from. Silence, noise and sounds ' +
    'that nothing in the picture makes come back with `sounding: false`.',
  request: { body: analysisBody(question) },
  responses: { 200: jsonAnswer(answer, 'Maps, a confidence and a verdict'), default: errorAnswer },
});

export function registerLocalize(app: ApiApp, context: ApiContext): void {
  registerAnalysisSchema(app, question);
  app.openapi(route, async (c) => {
    const { signal } = c.req.raw;
    const { made, expiresAt } = await answerAnalysis(c, context, question, ({ subject, fields, others }) =>
      withResultFolder(context.resultDir, async ({ folder, urlOf }) => {
        const { queryLabel, ...how } = fields;
        const query = others.get('query') ?? (queryLabel === undefined ? undefined : { label: queryLabel });
        const request = { subject, query, folder, ...how };
        const answered = await context.catalog.localize(request, { signal });
        const served = <T extends { file: string }>(of: T): T => ({ ...of, file: urlOf(of.file) });
        return {
          ...answered,
          maps: answered.maps.map(served),
          sources: answered.sources.map((source) => ({ ...source, maps: source.maps.map(served) })),
          overlays: answered.overlays.map(served),
          film: answered.film && urlOf(answered.film),
        };
      }),
    );
    return c.json({ ...made, expiresAt }, 200);
  });
}
