/** Parsers of option values; a value that can't be used is wrong usage, told before any work begins. */
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import type { ClipFilter } from '#catalog/catalog-service';

const filterSchema = z.strictObject({
  collections: z.array(z.string()).optional(),
  anyTag: z.array(z.string()).optional(),
  allTags: z.array(z.string()).optional(),
  clipIds: z.array(z.uuid()).optional(),
  excludeClipIds: z.array(z.uuid()).optional(),
});

/** A whole number from `min` to `max`. */
export function integerOption(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** A number above `above` and at most `max`. */
export function numberOption(above: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value > above && value <= max) return value;
    throw new InvalidArgumentError(`It must be a number above ${above}, at most ${max}.`);
  };
}

/** A number from 0 to 1000. */
export function weightOption(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1000) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 1000.');
}

/** A number from 0 to 1. */
export function partOption(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 1.');
}

/** Seconds, 0 or more. */
export function secondsOption(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1e6) return value;
  throw new InvalidArgumentError('It must be a number of seconds, 0 or more.');
}

export function scoreOption(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= -1 && value <= 1) return value;
  throw new InvalidArgumentError('It must be a number from -1 to 1.');
}

/** Collects an option that may be given several times. */
export function listOption(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}

export function filterOption(text: string): ClipFilter {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('It must be JSON, such as {"collections": ["field"], "anyTag": ["dog"]}.');
  }
  const parsed = filterSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(
    `It may have collections, anyTag, allTags, clipIds and excludeClipIds, all lists of strings: ${parsed.error.issues[0]?.message}.`,
  );
}

/** Names between commas, or a JSON list of them where a name has a comma of its own. */
export function labelsOption(text: string): string[] {
  if (!text.trimStart().startsWith('[')) return text.split(',').map((name) => name.trim());
  const parsed = z.array(z.string()).safeParse(parseOrUndefined(text));
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('It must be names between commas, or a JSON list of names.');
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
