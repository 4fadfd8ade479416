/** Search results as a table that a person can read. */
import Table from 'cli-table3';
import type { SearchResult } from '#catalog/catalog-service';

/** @param options `mark`: results it answers true for get a tick in a column of their own */
export function resultTable(
  results: readonly SearchResult[],
  options: { mark?: (result: SearchResult) => boolean } = {},
): string {
  const { mark } = options;
  const table = new Table({
    head: ['#', 'clip', 'found by', 'segment', 'score', ...(mark ? [''] : [])],
    colAligns: ['right', 'left', 'left', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
  for (const [index, result] of results.entries()) {
    const { clip, segment, score, modality } = result;
    const found = modality === 'audio' ? 'sound' : 'picture';
    const span = `${clock(segment.startSec)} - ${clock(segment.endSec)}`;
    table.push([
      index + 1,
      clip.title,
      found,
      span,
      score.toFixed(3),
      ...(mark ? [mark(result) ? '✓' : ''] : []),
    ]);
  }
  return table.toString();
}

/** `1:05.5`, minutes and seconds with one decimal. */
function clock(sec: number): string {
  const tenths = Math.round(sec * 10);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths - minutes * 600) / 10).toFixed(1).padStart(4, '0')}`;
}
