/** The towers' class lists as their publishers ship them: output order is line order. */
import { EarshotError } from '#core/errors';

/** How many classes each list must have for the towers' outputs to mean what they say. */
export const AUDIO_CLASS_COUNT = 521;
/** ImageNet's thousand classes behind an unused "background". */
export const IMAGE_CLASS_COUNT = 1001;

/**
 * AudioSet display names out of `yamnet_class_map.csv`: a header, then `index,mid,display_name`, quoted where the
 * name holds a comma.
 *
 * @throws EarshotError `model_invalid` when lines are missing or out of order
 */
export function parseClassMap(text: string): string[] {
  const [, ...rows] = lines(text);
  const names = rows.map((row, index) => {
    const match = /^(\d+),[^,]+,(?:"(.*)"|(.*))$/.exec(row);
    if (match === null || Number(match[1]) !== index) throw invalidList('yamnet_class_map.csv', index + 2);
    return (match[2] ?? match[3] ?? '').trim();
  });
  if (names.length !== AUDIO_CLASS_COUNT) throw invalidList('yamnet_class_map.csv', names.length + 2);
  return names;
}

/**
 * ImageNet labels, comma-separated synonyms a line.
 *
 * @throws EarshotError `model_invalid` when there are not 1001
 */
export function parseLabelList(text: string): string[] {
  const labels = lines(text);
  if (labels.length !== IMAGE_CLASS_COUNT) throw invalidList('imagenet_labels.txt', labels.length + 1);
  return labels;
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function invalidList(file: string, line: number): EarshotError {
  return new EarshotError(
    'model_invalid',
    `${file} is not the list that belongs to the model (line ${line}): run "earshot models pull concept" again.`,
    { subject: file },
  );
}
