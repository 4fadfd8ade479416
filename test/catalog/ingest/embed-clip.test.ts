import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { InferencePool } from '#catalog/inference/inference-pool';
import { embedClip } from '#catalog/ingest/embed-clip';
import type { Database } from '#store/database';
import { openObjectStore } from '#store/objects/object-store';
import { ClipRepository } from '#store/repositories/clips';
import { EmbeddingRepository } from '#store/repositories/embeddings';
import { ModelRepository } from '#store/repositories/models';
import { OutboxRepository } from '#store/repositories/outbox';
import { newClip } from '../../store/samples.ts';
import { describeOverDatabases } from '../../support/databases.ts';
import { readModelInfo } from '../support/fake-model.ts';
import { makeClip } from '../support/make-clips.ts';
import { removeFolder, temporaryFolder } from '../support/test-catalog.ts';

/** Lets something happen while the model works. */
class WatchedPool extends InferencePool {
  readonly #meanwhile: () => Promise<void>;

  constructor(meanwhile: () => Promise<void>) {
    const modelModule = new URL('../support/fake-model.ts', import.meta.url).href;
    super({ modelFolder: '/models/fake', modelModule, threads: 1, queueLimit: 8, timeoutSec: 120 });
    this.#meanwhile = meanwhile;
  }

  override async embedAudio(...batch: Parameters<InferencePool['embedAudio']>): Promise<Float32Array[]> {
    await this.#meanwhile();
    return super.embedAudio(...batch);
  }
}

describeOverDatabases('embedding a clip', (fixture) => {
  /** A clip of two segments, embedded with a model whose collection is `id` while `meanwhile` happens. */
  async function embed(id: string, meanwhile: (models: ModelRepository) => Promise<void>) {
    const database: Database = fixture.database();
    const folder = await temporaryFolder();
    onTestFinished(() => removeFolder(folder));
    const objects = openObjectStore({ dataDir: folder });
    const path = await makeClip(folder, 'tone.wav', { sound: 0.5, picture: null, durationSec: 3 });
    await objects.put(`${id}.wav`, { path });
    const { clip } = await new ClipRepository(database).insert(
      newClip({ storageKey: `${id}.wav`, mimeType: 'audio/wav' }),
    );
    const identity = { id, version: '1', dimension: 8 };
    await new ModelRepository(database).add(id, identity);
    const pool = new WatchedPool(() => meanwhile(new ModelRepository(database)));
    onTestFinished(() => pool.close());
    const info = { ...(await readModelInfo('')), identity, name: id, folder: '', hasTextTower: false };
    const open = { model: { ...info, indexCollection: id }, pool };
    const parts = { database, objects, logger: pino({ level: 'silent' }) };
    await embedClip(clip, open, parts, { signal: new AbortController().signal });
    return {
      points: (await new EmbeddingRepository(database).forClip(clip.id, identity)).length,
      told: await new OutboxRepository(database).pendingCount(id),
      segmentCount: (await new ClipRepository(database).get(clip.id))?.segmentCount,
    };
  }

  it('has the clip show what the live model finds, and that one alone', async () => {
    const [live, next] = [randomUUID(), randomUUID()];
    const [points, told] = [2, 1];
    const goesLive = (id: string) => (models: ModelRepository) => models.makeLive(id);
    expect(await embed(live, goesLive(live))).toEqual({ points, told, segmentCount: 2 });
    expect(await embed(next, async () => undefined)).toEqual({ points, told, segmentCount: 0 });
    const retired = randomUUID();
    const retires = (models: ModelRepository) => models.retire(retired);
    expect(await embed(retired, retires)).toEqual({ points, told, segmentCount: 0 });
  }, 120_000);

  it('writes nothing for a model whose vectors were dropped meanwhile', async () => {
    const gone = randomUUID();
    const dropped = (models: ModelRepository) => models.delete(gone);
    expect(await embed(gone, dropped)).toEqual({ points: 0, told: 0, segmentCount: 0 });
  }, 120_000);
});
