/** The Hono application: middleware, routes, and the answers to what no route serves. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { EarshotError } from '#core/errors';
import type { ApiApp, ApiContext, AppEnv } from './context.ts';
import { answerError, invalidArgument } from './error-response.ts';
import { requestContext } from './middleware/request-context.ts';
import { sameSite } from './middleware/same-site.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { registerClassify } from './routes/classify.ts';
import { registerClipMedia } from './routes/clip-media.ts';
import { registerClipThumbnail } from './routes/clip-thumbnail.ts';
import { registerClipWaveform } from './routes/clip-waveform.ts';
import { registerCorrespondence } from './routes/correspondence.ts';
import { registerCreateClip } from './routes/create-clip.ts';
import { registerDeleteClip } from './routes/delete-clip.ts';
import { registerDeleteModel } from './routes/delete-model.ts';
import { registerDescribe } from './routes/describe.ts';
import { registerDocs } from './routes/docs.ts';
import { registerEmbeddings } from './routes/embeddings.ts';
import { registerGetClip } from './routes/get-clip.ts';
import { registerGetJob } from './routes/get-job.ts';
import { registerHealth } from './routes/health.ts';
import { registerJobEvents } from './routes/job-events.ts';
import { registerLabelExamples } from './routes/label-examples.ts';
import { registerLabels } from './routes/labels.ts';
import { registerListClips } from './routes/list-clips.ts';
import { registerListCollections } from './routes/list-collections.ts';
import { registerListJobs } from './routes/list-jobs.ts';
import { registerListModels } from './routes/list-models.ts';
import { registerLocalize } from './routes/localize.ts';
import { registerMetrics } from './routes/metrics.ts';
import { registerPage } from './routes/page.ts';
import { registerReady } from './routes/ready.ts';
import { registerResultFile } from './routes/result-file.ts';
import { registerRetryJob } from './routes/retry-job.ts';
import { registerSearch } from './routes/search.ts';
import { registerSeparate } from './routes/separate.ts';
import { registerSynchronization } from './routes/synchronization.ts';
import { registerUpdateClip } from './routes/update-clip.ts';
import { registerUseModel } from './routes/use-model.ts';

/**
 * @param options `onlyLoopback`: the server is bound to a loopback address, so other host names are refused;
 *   `version`: of the product, for the OpenAPI document
 */
export function createApp(context: ApiContext, options: { onlyLoopback: boolean; version: string }): ApiApp {
  const app: ApiApp = new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidArgument(result.error);
    },
  });
  app.use(requestContext(context));
  app.use(securityHeaders());
  app.use(sameSite(options.onlyLoopback));
  app.onError(answerError);
  app.notFound((c) => {
    const message = `There is no ${c.req.method} ${c.req.path}; the routes are listed at /docs.`;
    return answerError(new EarshotError('not_found', message), c);
  });
  registerCreateClip(app, context);
  registerListClips(app, context);
  registerGetClip(app, context);
  registerUpdateClip(app, context);
  registerDeleteClip(app, context);
  registerClipMedia(app, context);
  registerClipThumbnail(app, context);
  registerClipWaveform(app, context);
  registerListCollections(app, context);
  registerListJobs(app, context);
  registerGetJob(app, context);
  registerJobEvents(app, context);
  registerRetryJob(app, context);
  registerSearch(app, context);
  registerEmbeddings(app, context);
  registerCorrespondence(app, context);
  registerClassify(app, context);
  registerSeparate(app, context);
  registerDescribe(app, context);
  registerLabels(app, context);
  registerLabelExamples(app, context);
  registerSynchronization(app, context);
  registerLocalize(app, context);
  registerResultFile(app, context);
  registerListModels(app, context);
  registerUseModel(app, context);
  registerDeleteModel(app, context);
  registerHealth(app);
  registerReady(app, context);
  registerMetrics(app, context);
  registerDocs(app, options.version);
  registerPage(app, context);
  return app;
}
