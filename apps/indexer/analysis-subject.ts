/** What the commands that ask something of one clip have in common: naming it, and choosing a part of it. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { AnalysisSubject } from '#catalog/catalog-service';
import { secondsOption } from './option-parsers.ts';

const CLIP_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface PartOptions {
  start?: number;
  end?: number;
}

/** Adds `--start` and `--end`. */
export function withPartOptions(command: Command): Command {
  return command
    .option('--start <seconds>', 'look at the part that begins here', secondsOption)
    .option('--end <seconds>', 'look at the part that ends here', secondsOption);
}

/** A file where one of that name is there, else a clip of the catalog where it can be a clip's id. */
export function subjectOf(fileOrClipId: string, part: PartOptions = {}): AnalysisSubject {
  const { start: startSec, end: endSec } = part;
  const isClip = CLIP_ID.test(fileOrClipId) && !existsSync(fileOrClipId);
  return { ...(isClip ? { clipId: fileOrClipId } : { file: fileOrClipId }), startSec, endSec };
}
