import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '#catalog/config';

const load = (env: NodeJS.ProcessEnv) => loadConfig(env, { envFile: null });

describe('loadConfig', () => {
  it('works without any variable', () => {
    const config = load({});
    expect(config).toMatchObject({ model: 'mini', host: '127.0.0.1', port: 8787, databaseUrl: undefined });
    expect(config.dataDir).toBe(path.resolve('data'));
    expect(config.inferenceThreads).toBeGreaterThanOrEqual(1);
    expect(config.inferenceEngine).toBe('auto');
    expect(load({ EARSHOT_INFERENCE_ENGINE: 'tensorflow' }).inferenceEngine).toBe('tensorflow');
  });

  it('reads switches and the upload limit, which may not be more than the media code takes', () => {
    expect(load({})).toMatchObject({ allowPublic: false, maxUploadBytes: 16 * 2 ** 30 });
    for (const yes of ['1', 'true', 'YES'])
      expect(load({ EARSHOT_ALLOW_PUBLIC: yes }).allowPublic).toBe(true);
    for (const no of ['0', 'false', 'off', '']) {
      expect(load({ EARSHOT_ALLOW_PUBLIC: no }).allowPublic).toBe(false);
    }
    expect(load({ EARSHOT_MAX_UPLOAD_BYTES: '5000' }).maxUploadBytes).toBe(5000);
    const bad = { EARSHOT_ALLOW_PUBLIC: 'perhaps', EARSHOT_MAX_UPLOAD_BYTES: '1e9' };
    expect(() => load(bad)).toThrowError(/EARSHOT_ALLOW_PUBLIC must be 1 or 0.*EARSHOT_MAX_UPLOAD_BYTES/);
    expect(() => load({ EARSHOT_ALLOW_PUBLIC: 'constructor' })).toThrowError(/EARSHOT_ALLOW_PUBLIC/);
    expect(() => load({ EARSHOT_MAX_UPLOAD_BYTES: String(2 ** 60) })).toThrowError(
      /EARSHOT_MAX_UPLOAD_BYTES/,
    );
  });

  it('takes a blank variable as unset', () => {
    const config = load({ EARSHOT_DATABASE_URL: '  ', EARSHOT_PORT: '', EARSHOT_MODEL: ' other ' });
    expect(config).toMatchObject({ databaseUrl: undefined, port: 8787, model: 'other' });
  });

  it('names every bad variable at once', () => {
    const bad = () =>
      load({
        EARSHOT_DATABASE_URL: 'mysql://db',
        EARSHOT_QDRANT_URL: 'localhost:6333',
        EARSHOT_PORT: '99999',
        EARSHOT_LOG_LEVEL: 'loud',
        EARSHOT_INFERENCE_ENGINE: 'steam',
        EARSHOT_INFERENCE_THREADS: '0',
      });
    expect(bad).toThrowError(
      expect.objectContaining({
        code: 'configuration_invalid',
        message: expect.stringMatching(
          /EARSHOT_DATABASE_URL.*EARSHOT_QDRANT_URL.*EARSHOT_LOG_LEVEL.*EARSHOT_PORT.*EARSHOT_INFERENCE_ENGINE.*EARSHOT_INFERENCE_THREADS/s,
        ),
      }),
    );
  });

  it('reads a file of variables, and the environment wins over it', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'earshot-config-'));
    try {
      const envFile = path.join(folder, '.env');
      await writeFile(
        envFile,
        'EARSHOT_MODEL=from-file\nEARSHOT_PORT=1234\nEARSHOT_ALLOW_PUBLIC=1\nUNRELATED=x\n',
      );
      const config = loadConfig({ EARSHOT_PORT: '4321' }, { envFile });
      expect(config).toMatchObject({ model: 'from-file', port: 4321, allowPublic: true });
      expect(loadConfig({}, { envFile: path.join(folder, 'missing') }).model).toBe('mini');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
