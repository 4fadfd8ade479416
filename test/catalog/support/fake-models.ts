/**
 * Stand-ins for several trained models, told apart by the `fake.json` in their folders. Each is the fake model with its
 * space turned round by some places, so that vectors of two of them never fit. Loaded by path inside the threads.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import type { EmbeddingModel } from '#model/embedding-model';
import * as fake from './fake-model.ts';

export interface FakeModel {
  id: string;
  version: string;
  /** Places that the space is turned by. */
  turn: number;
  segments?: { lengthSec: number; hopSec: number };
  /** Before each batch. */
  waitMs?: number;
  /** Its weights can't be loaded. */
  broken?: boolean;
}

/** Writes the model's folder beneath the data folder, or a folder of its own, and answers its path. */
export async function writeFakeModel(folder: string, model: FakeModel): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'fake.json'), JSON.stringify(model));
  return folder;
}

async function read(folder: string): Promise<FakeModel> {
  try {
    return JSON.parse(await readFile(path.join(folder, 'fake.json'), 'utf8')) as FakeModel;
  } catch (cause) {
    throw new EarshotError('model_not_found', `There is no fake model in ${folder}.`, { cause });
  }
}

export async function readModelInfo(folder: string) {
  const { id, version, segments } = await read(folder);
  const info = await fake.readModelInfo(folder);
  const identity = { id, version, dimension: fake.FAKE_IDENTITY.dimension };
  return { ...info, identity, ...(segments && { segments }) };
}

export async function loadEmbeddingModel(folder: string): Promise<EmbeddingModel> {
  const { turn, waitMs = 0, broken } = await read(folder);
  if (broken) throw new EarshotError('checkpoint_invalid', 'The weights of the fake model are missing.');
  const model = await fake.loadEmbeddingModel('plain');
  const turned = async (vectors: Promise<Float32Array[]>) => {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    return (await vectors).map((vector) =>
      vector.map((_, i) => vector.at((i + turn) % vector.length) as number),
    );
  };
  return {
    ...model,
    ...(await readModelInfo(folder)),
    embedAudio: (waveforms) => turned(model.embedAudio(waveforms)),
    embedVideo: (blocks) => turned(model.embedVideo(blocks)),
  };
}
