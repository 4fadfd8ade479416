import { readManifest } from '#model/checkpoint/checkpoint';
import { isConcept } from '#model/checkpoint/manifest';
import { ConceptModel } from '#model/concepts/concept-model';

/** The concept model of a folder that a script was given; ends the script where it holds another. */
export async function openConceptModel(folder: string): Promise<ConceptModel> {
  const manifest = await readManifest(folder);
  if (!isConcept(manifest)) {
    process.stderr.write(`${folder} does not hold the concept model.\n`);
    process.exit(2);
  }
  return ConceptModel.load(folder, manifest);
}
