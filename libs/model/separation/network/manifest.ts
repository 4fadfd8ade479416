/** `model.json` of a separation model's folder. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { EarshotError } from '#core/errors';
import { writeFileAtomically } from '../../checkpoint/checkpoint.ts';

const MANIFEST_FILE = 'model.json';
const checkedFile = z.object({ file: z.string().regex(/^[\w.-]+$/), sha256: z.string().length(64) });
const triple = z.tuple([z.number(), z.number(), z.number()]);
const count = z.int().positive();

const manifestSchema = z.object({
  format: z.literal('earshot-separation/2'),
  id: z.string().min(1),
  version: z.string().min(1),
  description: z.string(),
  network: z.object({
    levelChannels: z.array(count).min(2),
    featureMaps: count,
    positionWidth: count,
    embeddingWidth: count,
    stepWidth: count,
    cellWidth: count,
    hiddenWidth: count,
    mask: z.enum(['binary', 'ratio']),
  }),
  /** The frozen video tower that guides, and what it takes. */
  guide: checkedFile.extend({
    /** The model that the tower was taken from. */
    model: z.object({ id: z.string(), version: z.string() }),
    /** Motion steps of a window. */
    steps: count,
    /** Side of the motion frames. */
    motionSize: count,
    video: z.object({
      rateHz: z.number().positive(),
      width: count,
      height: count,
      fit: z.enum(['stretch', 'cover']),
      colourEveryFrames: count,
      normalization: z.object({ mean: triple, deviation: triple }),
    }),
    /** The picture's half of a synchronisation head, which says how each cell moves. */
    cells: checkedFile,
  }),
  weights: checkedFile.extend({ parameterCount: count }),
  /** The way down of the U-Net, which hears a mixture; the way up, which answers a question about it. */
  serving: z.object({ hear: checkedFile, answer: checkedFile }),
  training: z.record(z.string(), z.unknown()),
});

export type SeparationManifest = z.infer<typeof manifestSchema>;

/** @throws EarshotError `model_not_found`, `model_invalid` */
export async function readSeparationManifest(folder: string): Promise<SeparationManifest> {
  const file = path.join(folder, MANIFEST_FILE);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const message = `No separation model in ${folder}: there is no readable ${MANIFEST_FILE}.`;
    throw new EarshotError('model_not_found', message, { subject: folder, cause });
  });
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    const message = `${file} does not describe a separation model: train one with "earshot train --head separation".`;
    throw new EarshotError('model_invalid', message, { subject: file, cause });
  }
}

/** Whether the folder holds a separation model, rather than another kind or none. */
export async function isSeparationModel(folder: string): Promise<boolean> {
  const text = await readFile(path.join(folder, MANIFEST_FILE), 'utf8').catch(() => '');
  return /"format":\s*"earshot-separation\//.test(text);
}

export async function writeSeparationManifest(folder: string, manifest: SeparationManifest): Promise<void> {
  const text = `${JSON.stringify(manifestSchema.parse(manifest), null, 2)}\n`;
  await writeFileAtomically(path.join(folder, MANIFEST_FILE), text);
}
