/**
 * What each concept scores on ordinary material, measured once and kept in `calibration.json`: for sounds on ESC-10,
 * for pictures on one photograph of each ImageNet class. `scripts/calibrate-concepts.ts` writes the file.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { sha256 } from '../checkpoint/checkpoint.ts';
import type { TowerCalibration } from './space.ts';
import type { ConceptTable } from './table.ts';

const towerSchema = z.strictObject({
  exponent: z.number().positive().max(1),
  /** Mean powered score by concept name. */
  centre: z.record(z.string(), z.number().min(0).max(1)),
});

const calibrationSchema = z.strictObject({
  format: z.literal('earshot-concept-calibration/1'),
  audio: towerSchema,
  video: towerSchema,
});

export type CalibrationFile = z.infer<typeof calibrationSchema>;

export interface ConceptCalibration {
  audio: TowerCalibration;
  video: TowerCalibration;
  /** First 8 hex digits of the file's sha256. */
  hash: string;
}

const FILE = new URL('./calibration.json', import.meta.url);

let shipped: { file: CalibrationFile; hash: string } | null = null;

/** The shipped calibration in the table's order; a concept newer than it is centred like the average one. */
export function conceptCalibration(table: ConceptTable): ConceptCalibration {
  if (shipped === null) {
    const bytes = readFileSync(FILE);
    const hash = sha256(bytes).slice(0, 8);
    shipped = { file: calibrationSchema.parse(JSON.parse(bytes.toString('utf8'))), hash };
  }
  const { file, hash } = shipped;
  return { audio: inOrder(file.audio, table), video: inOrder(file.video, table), hash };
}

function inOrder({ exponent, centre }: CalibrationFile['audio'], table: ConceptTable): TowerCalibration {
  const values = Object.values(centre);
  const average = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return { exponent, centre: table.concepts.map(({ name }) => centre[name] ?? average) };
}
