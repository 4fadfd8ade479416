/** The Qdrant index keeps the contract, on the real server that EARSHOT_TEST_QDRANT_URL names (key in ..._API_KEY). */
import { describe, expect, it } from 'vitest';
import { openVectorIndex } from '#store/index/open-vector-index';
import { QdrantIndex } from '#store/index/qdrant-index';
import { describeVectorIndex } from './contract.ts';
import { MODEL } from './points.ts';

const url = process.env.EARSHOT_TEST_QDRANT_URL;
const apiKey = process.env.EARSHOT_TEST_QDRANT_API_KEY;

if (url) {
  let serial = 0;
  describeVectorIndex('Qdrant', async () => {
    const namePrefix = `earshot-test-${process.pid}-${Date.now().toString(36)}-${serial++}-`;
    const options = { url, apiKey, namePrefix };
    return {
      index: new QdrantIndex(options),
      dispose: async () => {
        // An index of its own: the test may have closed the other.
        const cleaner = new QdrantIndex(options);
        for (const { name } of await cleaner.listCollections()) await cleaner.dropCollection(name);
        await cleaner.close();
      },
    };
  });
} else {
  describe.skip('Qdrant as a VectorIndex (set EARSHOT_TEST_QDRANT_URL to a running Qdrant >= 1.16)', () => {
    it('keeps the contract', () => {});
  });
}

describe('the Qdrant index without a server', () => {
  it('is unavailable and says that trying again may help', async () => {
    const index = openVectorIndex({ qdrantUrl: 'http://127.0.0.1:1', dataDir: 'unused' });
    const expected = { code: 'index_unavailable', retryable: true };
    await expect(index.ensureCollection('mini-1', MODEL)).rejects.toMatchObject(expected);
    await expect(index.listCollections()).rejects.toMatchObject(expected);
    await expect(index.count('mini-1')).rejects.toMatchObject(expected);
    await index.close();
  });
});
