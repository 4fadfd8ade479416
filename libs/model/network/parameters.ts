/** Setting a network's arrays from outside: everything is checked before anything changes. */
import type { NamedArray, ParameterStore } from '../layers/parameters.ts';
import { checkFinite, refuse } from './inputs.ts';

/**
 * New values for arrays of this network, by name.
 *
 * @param all whether every array must be given
 * @throws EarshotError `invalid_argument` for a name that is unknown, missing or there twice, or a value that is not
 *   finite; `shape_mismatch` for an array of another shape; each names the array
 */
export function assignParameters(
  store: ParameterStore,
  parameters: readonly NamedArray[],
  { all }: { all: boolean },
): void {
  if (!Array.isArray(parameters))
    throw refuse('invalid_argument', 'parameters', 'parameters must be an array of named arrays.');
  const variables = new Map([...store.trainable, ...store.statistics]);
  const seen = new Set<string>();
  for (const { name, shape, data } of parameters as readonly NamedArray[]) {
    const variable = variables.get(name);
    const where = `parameters.${name}`;
    if (!variable) throw refuse('invalid_argument', where, `The network has no array named ${name}.`);
    if (seen.has(name)) throw refuse('invalid_argument', where, `${name} is given twice.`);
    seen.add(name);
    if (!(data instanceof Float32Array))
      throw refuse('invalid_argument', where, `${where} must be a Float32Array.`);
    if (shape.join() !== variable.shape.join() || data.length !== variable.size) {
      const message = `${name} has shape [${variable.shape}], but [${shape}] with ${data.length} values was given.`;
      throw refuse('shape_mismatch', where, message);
    }
    checkFinite(data, where);
  }
  const missing = all ? [...variables.keys()].find((name) => !seen.has(name)) : undefined;
  if (missing !== undefined)
    throw refuse('invalid_argument', `parameters.${missing}`, `parameters lacks ${missing}.`);
  for (const { name, data } of parameters as readonly NamedArray[]) {
    const variable = variables.get(name);
    if (variable) store.assign(variable, data);
  }
}
