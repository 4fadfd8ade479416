/**
 * What the two terms of the objective bring that retrieval does not show: whether the towers' steps tell by how much a
 * picture lags behind its sound (alignment), and whether the plain similarity of a sound and the places of its picture
 * is highest where it comes from (best position). No head is asked, so that towers alone can be compared.
 */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import type { EmbeddingModel } from '#model/embedding-model';
import { resizeMap } from '#model/localization/resize-map';
import { bootstrap, mean } from '#model/metrics/bootstrap';
import { CIOU_SUCCESS, consensusIou, randomMap, successAuc, successRate } from '#model/metrics/localization';
import { dot } from '#model/network/dot';
import { ALIGNMENT_SHIFTS } from '#model/objectives/alignment';
import type { FloatTensor } from '#model/towers/tower-backend';
import { type ManifestEntry, readGroundTruth, readManifest } from '../corpus/manifest.ts';
import { boxTruth, objectTruths, TRUTH_SIDE } from '../localization/scene-clips.ts';
import { decodePictures, decodeSounds } from './embed-clip.ts';
import { cutAt, firstSegment, similarityMaps } from './localization-suite.ts';

interface TermScore {
  value: number;
  chance: number;
  ci95: [number, number];
}

/** Where the picture's window begins, and how long both are: every shift stays within a clip of 5 s. */
const PICTURE_START_SEC = 1;
const WINDOW_SEC = 3;
const TIMES_SEC = [0.96, 2.4, 3.84];

/**
 * @param model with features of both towers, as a two-tower model has them; not disposed of
 * @returns `alignment.right`: share of clips whose lag, drawn by lot, is nearest among all of `ALIGNMENT_SHIFTS`;
 *   `similarity.auc` and `similarity.ciou50` of maps cut where they mark as much as the true boxes do on average
 * @throws EarshotError `not_trained` for a model without steps or positions
 */
export async function measureTerms(
  model: EmbeddingModel,
  { corpus, clips }: { corpus: string; clips: number },
): Promise<{ n: number; results: Record<string, TermScore> }> {
  const entries = (await readManifest(corpus, 'test')).slice(0, clips);
  const right: number[] = [];
  const maps: { map: Float32Array; random: Float32Array; box: Float32Array }[][] = [];
  for (const entry of entries) {
    right.push(await lagIsFound(model, path.join(corpus, entry.file), entry.id));
    maps.push(await similarityOf(model, corpus, entry));
  }
  const area = mean(maps.flat().map(({ box }) => mean([...box])));
  const overlaps = (kind: 'map' | 'random') =>
    maps.map((frames) =>
      mean(
        frames.map((frame) =>
          consensusIou(frame[kind], frame.box, { kind: 'absolute', value: cutAt(frame[kind], area) }),
        ),
      ),
    );
  const [similar, chance] = [overlaps('map'), overlaps('random')];
  const success = (cious: readonly number[]) => successRate(cious, CIOU_SUCCESS.solo);
  return {
    n: entries.length,
    results: {
      'alignment.right': { ...bootstrap(right, mean), chance: 1 / ALIGNMENT_SHIFTS.length },
      'similarity.ciou50': { ...bootstrap(similar, success), chance: success(chance) },
      'similarity.auc': { ...bootstrap(similar, successAuc), chance: successAuc(chance) },
    },
  };
}

async function lagIsFound(model: EmbeddingModel, file: string, id: string): Promise<number> {
  if (!model.audioFeatures || !model.videoFeatures) throw lacks(model, 'steps');
  const lag = new SeededRandom(`terms/${id}`).pick(ALIGNMENT_SHIFTS);
  const { rateHz } = model.videoInput;
  const window = (startSec: number) => ({ startSec, endSec: startSec + WINDOW_SEC });
  // What is heard at step t is seen at step t + lag.
  const [sound] = await decodeSounds(model, file, [window(PICTURE_START_SEC + lag / rateHz)]);
  const [picture] = await decodePictures(model, file, [window(PICTURE_START_SEC)]);
  const heard = (await model.audioFeatures(sound as Float32Array)).alignment;
  const seen = (await model.videoFeatures(picture as NonNullable<typeof picture>, [])).alignment;
  if (!heard || !seen) throw lacks(model, 'steps');
  return nearestShift(heard, seen, Math.floor(WINDOW_SEC * rateHz)) === lag ? 1 : 0;
}

/**
 * By how many steps what is seen lies behind what is heard, of `ALIGNMENT_SHIFTS`; the nearest to 0 of equal ones.
 *
 * @param heard `[1, steps, dimension]`, unit length, and so is `seen`
 * @param steps of both that are compared
 */
export function nearestShift(heard: FloatTensor, seen: FloatTensor, steps: number): number {
  const scores = ALIGNMENT_SHIFTS.map((shift) => meanCosine(heard, seen, steps, shift));
  return ALIGNMENT_SHIFTS[scores.indexOf(Math.max(...scores))] as number;
}

/** Of steps that lie over each other: on unit vectors the smallest mean squared distance is the largest mean cosine. */
function meanCosine(heard: FloatTensor, seen: FloatTensor, steps: number, shift: number): number {
  const width = heard.shape.at(-1) as number;
  const step = ({ data }: FloatTensor, i: number) => data.subarray(i * width, (i + 1) * width);
  const cosines: number[] = [];
  for (let t = Math.max(0, -shift); t < Math.min(steps, steps - shift); t++)
    cosines.push(dot(step(heard, t), step(seen, t + shift)));
  return mean(cosines);
}

async function similarityOf(model: EmbeddingModel, corpus: string, entry: ManifestEntry) {
  if (!model.audioFeatures || !model.videoFeatures) throw lacks(model, 'positions');
  const truth = await readGroundTruth(corpus, entry);
  const [truths] = await objectTruths(corpus, entry, truth, [truth.sources[0]?.object ?? 0], TIMES_SEC);
  const media = await firstSegment(path.join(corpus, entry.file), model);
  const frames = TIMES_SEC.map((time) => Math.round(time * model.videoInput.rateHz));
  const { maps, side } = await similarityMaps(model, media, frames);
  return (truths ?? []).map((each, i) => ({
    map: resizeMap(maps[i] as Float32Array, side, TRUTH_SIDE, TRUTH_SIDE),
    random: randomMap(TRUTH_SIDE, TRUTH_SIDE, `${entry.id}/${i}`),
    box: boxTruth(each, TRUTH_SIDE),
  }));
}

function lacks({ identity: { id } }: EmbeddingModel, what: string): EarshotError {
  return new EarshotError('not_trained', `${id} has no ${what}.`, { subject: id });
}
