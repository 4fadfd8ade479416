/** The clips that separation learns from: the generated corpus, and lists of one's own. */
import path from 'node:path';
import type { PictureRegion } from '#media/filters';
import { type ManifestEntry, readGroundTruth } from '../corpus/manifest.ts';
import { type ListPart, type SplitListOptions, splitList } from '../training/split-list.ts';
import { emptyRegionOf, regionOf } from './object-region.ts';
import type { Scene, Solo } from './separation-cache.ts';

/** Of clips of a list nothing is known but that what sounds is in the middle, as a talking face is. */
export const LISTED_REGION: PictureRegion = { x: 0.25, y: 0, width: 0.5, height: 1 };

/** Lists are split alike for every run, so that none is measured on what an earlier one has learned from. */
export const LIST_SEED = 1;

export async function corpusSolos(corpus: string, entries: readonly ManifestEntry[]): Promise<Solo[]> {
  const solos: Solo[] = [];
  for (const entry of entries) {
    const { id, label, file } = entry;
    const truth = await readGroundTruth(corpus, entry);
    const region = regionOf(truth, 0);
    solos.push({ id, label, file: path.join(corpus, file), region, durationSec: truth.durationSec });
  }
  return solos;
}

/** @throws EarshotError as `splitList` */
export async function listedSolos(
  list: string,
  options: SplitListOptions,
): Promise<Record<ListPart, Solo[]>> {
  const { clips, parts } = await splitList(list, options);
  const of = (part: ListPart) =>
    clips
      .filter((_, i) => parts[i] === part)
      .map(({ id, file, labels, durationSec }) => ({
        ...{ id, file, durationSec, label: labels[0] ?? '' },
        region: LISTED_REGION,
      }));
  return { train: of('train'), validation: of('validation'), test: of('test') };
}

/** Every so many scenes one is held out; of fewer, the last. Odd, for duets are of unlike and of like classes in turn. */
const HELD_OUT = 11;

/** Scenes in which every source is in the picture, in those to learn from and those that are held out. */
export async function corpusScenes(
  corpus: string,
  entries: readonly ManifestEntry[],
): Promise<Record<'train' | 'validation', Scene[]>> {
  const scenes: Record<'train' | 'validation', Scene[]> = { train: [], validation: [] };
  for (const [i, entry] of entries.entries()) {
    const { id, label, file, groundTruth } = entry;
    const truth = await readGroundTruth(corpus, entry);
    const folder = path.dirname(path.join(corpus, groundTruth));
    const sources = truth.sources.flatMap(({ stem }, source) => {
      const region = regionOf(truth, source);
      return region ? [{ stem: path.join(folder, stem), region }] : [];
    });
    if (sources.length < truth.sources.length) continue;
    const { durationSec } = truth;
    const empty = emptyRegionOf(truth, id);
    const scene = { id, label, file: path.join(corpus, file), durationSec, sources, empty };
    scenes[i % HELD_OUT === HELD_OUT - 1 ? 'validation' : 'train'].push(scene);
  }
  if (scenes.validation.length === 0 && scenes.train.length > 1) scenes.validation = scenes.train.splice(-1);
  return scenes;
}
