/**
 * Where the `concept` model's files come from: the publishers' own repositories at fixed commits, so that a checksum
 * can be fixed too. None of them is shipped with Earshot.
 */
import type { ConceptManifest } from '../checkpoint/manifest.ts';

export interface SourceFile {
  /** Name in the model's folder. */
  file: string;
  url: string;
  bytes: number;
  sha256: string;
  licence: string;
}

const GITHUB = 'https://raw.githubusercontent.com';
const YAMNET = `${GITHUB}/google-coral/coralmicro/c9f665b0a8b973d35cb9d383b3e92e9f14b4dd72/models`;
const CLASS_MAP = `${GITHUB}/GreenWaves-Technologies/yamnet/623e900151129b3d38eb323a4de758bd5fcdb052/models`;
const MOBILENET = `${GITHUB}/google-coral/test_data/104342d2d3480b3e66203073dac24f4e2dbb4c41`;

const audio: SourceFile = {
  file: 'yamnet_spectra_in.tflite',
  url: `${YAMNET}/yamnet_spectra_in.tflite`,
  bytes: 4_047_424,
  sha256: '0a266465c46718f3fcc4137366be82882a8c93bfcc4f0278581a11d11dddcdf9',
  licence: 'Apache-2.0',
};
const audioClasses: SourceFile = {
  file: 'yamnet_class_map.csv',
  url: `${CLASS_MAP}/yamnet_class_map.csv`,
  bytes: 14_096,
  sha256: 'cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2',
  licence: 'Apache-2.0; names of the AudioSet ontology, CC BY-SA 4.0',
};
const video: SourceFile = {
  file: 'mobilenet_v2_1.0_224_quant.tflite',
  url: `${MOBILENET}/mobilenet_v2_1.0_224_quant.tflite`,
  bytes: 3_610_798,
  sha256: '7aad0c74c5e3c06e5eb3c827e13304fdd68a83da6087d92ee169c24ff9fd4776',
  licence: 'Apache-2.0',
};
const videoClasses: SourceFile = {
  file: 'imagenet_labels.txt',
  url: `${MOBILENET}/imagenet_labels.txt`,
  bytes: 21_686,
  sha256: 'b8aaeb5630c62626a7d124a05c0e14230a7ffdd2136a31d0190a4fb71c1d82f1',
  licence: 'Apache-2.0',
};

export const CONCEPT_FILES: readonly SourceFile[] = [audio, audioClasses, video, videoClasses];

const checked = ({ file, sha256 }: SourceFile) => ({ file, sha256 });

/** `model.json` of the folder that these files make. */
export const CONCEPT_MANIFEST: ConceptManifest = {
  format: 'earshot-model/1',
  id: 'concept',
  version: '1.0.0',
  description:
    'Real sounds and pictures: YAMNet and MobileNetV2 meet in a table of sounding concepts; text search',
  segments: { lengthSec: 5, hopSec: 2.5 },
  frontEnds: {
    audio: { sampleRateHz: 16_000 },
    // Four frames a segment. A little wider than the network's square, which then slides over it.
    video: { rateHz: 0.8, width: 320, height: 224, fit: 'stretch' },
  },
  towers: {
    kind: 'concept',
    audio: checked(audio),
    audioClasses: checked(audioClasses),
    video: checked(video),
    videoClasses: checked(videoClasses),
  },
  parameterCount: 7_256_010,
  training: { audio: 'AudioSet, by the publisher', video: 'ImageNet, by the publisher' },
};
