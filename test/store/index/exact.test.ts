/** The exact in-memory index keeps the contract that the engines are measured against. */
import { ExactIndex } from '#store/index/exact-index';
import { describeVectorIndex } from './contract.ts';

describeVectorIndex('exact', async () => {
  const index = new ExactIndex();
  return { index, dispose: () => index.close() };
});
