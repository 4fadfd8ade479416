/**
 * Where in the picture a heard concept is seen: the picture network's classifier, applied to each position of its last
 * feature map instead of to their mean, and compared with the sound in the concepts' space.
 *
 * @see Zhou et al. 2016, "Learning deep features for discriminative localization"
 */
import { plattProbability } from '../calibration/platt.ts';
import { bilinear } from '../front-ends/bilinear.ts';
import { isSilent, type SegmentLocalization } from '../localization/localizer.ts';
import type { SegmentSources } from '../localization/source-localizer.ts';
import { dot } from '../network/dot.ts';
import type { ConceptMapCalibration } from './map-calibration.ts';
import type { ClassVectors } from './space.ts';
import type { SeenFrame } from './towers.ts';

/** Cells along each side of a map: twice the positions that the network has for a square. */
const CONCEPT_MAP_SIDE = 14;

/** What is heard in a segment, and what is seen at each position of each of its frames. */
export interface ConceptScene {
  waveform: Float32Array;
  /** The sound in the concepts' space, unit length. */
  heard: Float32Array;
  /** How much more than usual each concept is heard; negative where less. */
  heardConcepts: Float64Array;
  frames: SeenPlaces[];
}

export interface SeenPlaces {
  width: number;
  height: number;
  /** By position, row by row: in the concepts' space, unit length. */
  vectors: Float32Array[];
  /** By position: how much more than usual each concept is seen there. */
  concepts: Float64Array[];
}

/**
 * The last layer at each position of the feature map. It is linear, so that the mean over the positions of a view is what
 * the network says of that view.
 *
 * @returns by position `[classes]`, before the softmax
 */
export function placeLogits(
  { map, embeddings, logits, mapWidth, mapHeight }: SeenFrame,
  { data, width }: ClassVectors,
): Float32Array[] {
  const classes = data.length / width;
  const positions = mapWidth * mapHeight;
  const result = Array.from({ length: positions }, () => new Float32Array(classes));
  for (let i = 0; i < classes; i++) {
    const row = data.subarray(i * width, (i + 1) * width);
    // What the layer adds by itself follows from the first view.
    const bias = (logits[i] as number) - product(row, embeddings, 0);
    for (let position = 0; position < positions; position++)
      (result[position] as Float32Array)[i] = product(row, map, position * width) + bias;
  }
  return result;
}

/** Inner product with a part of `values`; four sums, so that none waits for another. */
function product(row: Float32Array, values: Float32Array, at: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < row.length; i += 4) {
    a += (row[i] as number) * (values[at + i] as number);
    b += (row[i + 1] as number) * (values[at + i + 1] as number);
    c += (row[i + 2] as number) * (values[at + i + 2] as number);
    d += (row[i + 3] as number) * (values[at + i + 3] as number);
  }
  return a + b + c + d;
}

/** How well sound and picture agree: at the best place of each frame, the mean over the frames. */
export function matchEvidence(heard: Float32Array, frames: readonly SeenPlaces[]): number {
  return meanOf(frames.map(({ vectors }) => highest(vectors.map((vector) => dot(heard, vector)))));
}

/** How well each concept is both heard and seen somewhere: the geometric mean of both, the mean over the frames. */
export function conceptEvidence(heard: Float64Array, frames: readonly SeenPlaces[]): Float64Array {
  return heard.map((level, of) =>
    meanOf(
      frames.map(({ concepts }) => highest(concepts.map((seen) => together(level, seen[of] as number)))),
    ),
  );
}

/** @param query a unit vector of another sound to look for; null: what is heard */
export function conceptLocalization(
  { waveform, heard, frames }: ConceptScene,
  query: Float32Array | null,
  { match }: ConceptMapCalibration,
): SegmentLocalization {
  const silent = isSilent(waveform);
  const sound = query ?? heard;
  const probability = (cosine: number) => (silent ? 0 : plattProbability(match, cosine));
  return {
    side: CONCEPT_MAP_SIDE,
    maps: frames.map((frame) =>
      squareMap(frame, (place) => probability(dot(sound, frame.vectors[place] as Float32Array))),
    ),
    confidence: probability(matchEvidence(sound, frames)),
  };
}

/** @param labels the concepts' names */
export function conceptSources(
  { waveform, heardConcepts, frames }: ConceptScene,
  labels: readonly string[],
  { concept }: ConceptMapCalibration,
): SegmentSources {
  const silent = isSilent(waveform);
  const probability = (evidence: number) => (silent ? 0 : plattProbability(concept, evidence));
  const mapOf = (frame: SeenPlaces, of: number) =>
    squareMap(frame, (place) =>
      probability(together(heardConcepts[of] as number, frame.concepts[place]?.[of] as number)),
    );
  return {
    labels,
    side: CONCEPT_MAP_SIDE,
    probabilities: Float32Array.from(conceptEvidence(heardConcepts, frames), probability),
    maps: frames.map((frame) => labels.map((_, of) => mapOf(frame, of))),
  };
}

/** What is less than usual on either side speaks for nothing. */
function together(heard: number, seen: number): number {
  return heard <= 0 || seen <= 0 ? 0 : Math.sqrt(heard * seen);
}

function squareMap({ width, height }: SeenPlaces, levelAt: (place: number) => number): Float32Array {
  const side = CONCEPT_MAP_SIDE;
  const values = Float32Array.from({ length: width * height }, (_, place) => levelAt(place));
  return Float32Array.from({ length: side * side }, (_, cell) => {
    const x = (((cell % side) + 0.5) * width) / side - 0.5;
    const y = ((Math.floor(cell / side) + 0.5) * height) / side - 0.5;
    return bilinear(values, width, height, x, y);
  });
}

function highest(values: readonly number[]): number {
  return values.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
