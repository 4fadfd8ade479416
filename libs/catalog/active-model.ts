/** A model at hand: where it lies, what it is, and where its points live in the index. */
import type { ModelCalibration } from '#model/checkpoint/manifest';
import type { AudioInputSpec, ModelIdentity, SegmentPlan, VideoInputSpec } from '#model/embedding-model';

export interface ActiveModel {
  /** Name it was asked for by. */
  name: string;
  folder: string;
  description: string;
  identity: ModelIdentity;
  segments: SegmentPlan;
  audioInput: AudioInputSpec;
  videoInput: VideoInputSpec;
  /** Whether it can be searched with words. */
  hasTextTower: boolean;
  /** What turns its scores into probabilities; missing where nothing has been fitted. */
  calibration?: ModelCalibration;
  /** Collection of the vector index that holds this model's points. */
  indexCollection: string;
}
