/**
 * From a pooled token to the shared space: two layers, both with batch normalisation. The normalisation keeps the
 * embeddings of a batch spread around zero; without it both towers soon answer one constant vector, where InfoNCE
 * has no gradient left to leave by.
 *
 * @see Chen et al. 2020, "A simple framework for contrastive learning of visual representations", appendix B.5
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { ConvolutionUnit } from '../layers/convolution.ts';
import type { ParameterStore } from '../layers/parameters.ts';
import { unitLength, unitLengthToOnnx } from '../layers/unit-length.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';

export class ProjectionHead {
  readonly units: [ConvolutionUnit, ConvolutionUnit];
  readonly #store: ParameterStore;

  constructor(
    store: ParameterStore,
    name: string,
    options: { inputWidth: number; hiddenWidth: number; dimension: number },
  ) {
    const { inputWidth, hiddenWidth, dimension } = options;
    this.#store = store;
    this.units = [
      new ConvolutionUnit(store, `${name}/hidden`, {
        kernelSize: 1,
        inputChannels: inputWidth,
        outputChannels: hiddenWidth,
      }),
      new ConvolutionUnit(store, `${name}/projection`, {
        kernelSize: 1,
        inputChannels: hiddenWidth,
        outputChannels: dimension,
        activation: 'none',
      }),
    ];
  }

  /** `[batch, inputWidth]` to `[batch, dimension]`, unit length. */
  apply(pooled: tfTypes.Tensor2D, training: boolean): tfTypes.Tensor2D {
    const { tf } = this.#store.engine;
    const [hidden, projection] = this.units;
    // A dense layer is a 1x1 convolution of a picture of one pixel.
    const pixel = tf.reshape(pooled, [pooled.shape[0], 1, 1, pooled.shape[1]]) as tfTypes.Tensor4D;
    const y = tf.reshape(projection.apply(hidden.apply(pixel, training), training), [pooled.shape[0], -1]);
    return unitLength(tf, y as tfTypes.Tensor2D);
  }
  /** `[batch, inputWidth]` to `[batch, dimension]`, unit length. */
  toOnnx(graph: OnnxGraphBuilder, pooled: OnnxValue): OnnxValue {
    const [hidden, projection] = this.units;
    const y = projection.toOnnxOverLastAxis(graph, hidden.toOnnxOverLastAxis(graph, pooled));
    return unitLengthToOnnx(graph, y);
  }
}
