/**
 * Divides what sounds among the classes that are heard at once. Where something sounds is known better than which class
 * it is of: a class by itself claims the places of others as well. Side by side the claims tell, once each class has a
 * weight with which it gets the same part of what sounds as the others.
 *
 * @see Cuturi 2013, "Sinkhorn distances: lightspeed computation of optimal transport": the weights are its row
 *   scaling, at an entropic regularisation of 1 / `FIRMNESS`
 */

import { blurred } from '../front-ends/blur.ts';

/** How much a difference of the claims' log-odds counts. */
const FIRMNESS = 6;
/** Deviation of the Gaussian over which claims are averaged, as a part of the map's side. */
const REACH_PART = 1 / 6;
/** The Gaussian ends after so many deviations. */
const REACH_END = 2.5;
/** After so many rounds the parts differ by less than counts. */
const ROUNDS = 10;
/** Under divisions. */
const EPSILON = 1e-6;

/**
 * @param sounding `[side * side]`, 0..1: that anything sounds there
 * @param claims   of each class, `[side * side]`: log-odds that it sounds there
 * @returns of each class, `[side * side]`: all that sounds where it has the largest share, and elsewhere less, by the
 *   square of its share over the largest one
 */
export function dividePlaces(
  sounding: Float32Array,
  claims: readonly Float32Array[],
  side: number,
): Float32Array[] {
  if (claims.length === 1) return [sounding.slice()];
  const odds = comparedClaims(averagedClaims(sounding, claims, side));
  const weights = evenWeights(sounding, odds);
  const largest = new Float64Array(sounding.length);
  odds.forEach((own, of) => {
    for (let cell = 0; cell < largest.length; cell++)
      largest[cell] = Math.max(largest[cell] as number, (own[cell] as number) * (weights[of] as number));
  });
  return odds.map((own, of) =>
    sounding.map((value, cell) => {
      const share = ((own[cell] as number) * (weights[of] as number)) / (largest[cell] as number);
      return value * share * share;
    }),
  );
}

/** Of each class and place the odds against the class that claims the place the most, 0..1. */
function comparedClaims(claims: readonly Float32Array[]): Float64Array[] {
  const [first, ...others] = claims as [Float32Array, ...Float32Array[]];
  const best = first.slice();
  for (const claim of others)
    for (let cell = 0; cell < best.length; cell++)
      best[cell] = Math.max(best[cell] as number, claim[cell] as number);
  return claims.map((claim) =>
    Float64Array.from(claim, (value, cell) => Math.exp(FIRMNESS * (value - (best[cell] as number)))),
  );
}

/** For each class what its odds are to be multiplied by so that all get the same part of what sounds. */
function evenWeights(sounding: Float32Array, odds: readonly Float64Array[]): Float64Array {
  const weights = new Float64Array(odds.length).fill(1);
  const even = sounding.reduce((sum, value) => sum + value, 0) / odds.length;
  const rest = new Float64Array(sounding.length);
  for (let round = 0; round < ROUNDS; round++) {
    rest.fill(0);
    odds.forEach((own, of) => {
      const weight = weights[of] as number;
      for (let cell = 0; cell < rest.length; cell++)
        rest[cell] = (rest[cell] as number) + weight * (own[cell] as number);
    });
    odds.forEach((own, of) => {
      let got = 0;
      for (let cell = 0; cell < rest.length; cell++)
        got += ((sounding[cell] as number) * (own[cell] as number)) / (rest[cell] as number);
      const weight = weights[of] as number;
      weights[of] = (weight * (even + EPSILON)) / (weight * got + EPSILON);
    });
  }
  return weights;
}

/** Claims around each place, weighted by how much sounds there: what is silent has no say. */
function averagedClaims(
  sounding: Float32Array,
  claims: readonly Float32Array[],
  side: number,
): Float32Array[] {
  const deviation = REACH_PART * side;
  const reach = Math.ceil(REACH_END * deviation);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-(((i - reach) / deviation) ** 2) / 2),
  );
  const around = (map: Float32Array) => blurred({ width: side, height: side, data: map }, kernel, 'zero');
  const weights = around(sounding);
  return claims.map((claim) => {
    const sums = around(claim.map((odds, cell) => odds * (sounding[cell] as number)));
    return sums.map((sum, cell) => sum / ((weights[cell] as number) + EPSILON));
  });
}
