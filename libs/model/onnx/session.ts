/** ONNX Runtime: a model file loaded on the CPU, run with typed arrays. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { EarshotError } from '#core/errors';
import type { OnnxArray } from './graph-builder.ts';

export interface OnnxTensor {
  /** Row by row; the array's class is the element type. */
  data: OnnxArray;
  shape: readonly number[];
}

export interface OnnxSessionOptions {
  /**
   * Threads inside one operator (default 1). Set outright, because ONNX Runtime's own choice is every core: two
   * threads on busy cores are slower than one, and a pool of workers already uses them all.
   */
  threads?: number;
  /** What the model is called in errors; default: the file's path, or "the model". */
  subject?: string;
  /** Failures are thrown only, not printed as well: for graphs that may turn out not to fit. */
  quiet?: boolean;
}

/**
 * One of the outputs of a run.
 *
 * @param graph what the graph is called in errors
 * @throws EarshotError `model_invalid` where it is missing or no float32
 */
export function floatOutput(
  outputs: Readonly<Record<string, OnnxTensor>>,
  name: string,
  graph: string,
): { data: Float32Array; shape: readonly number[] } {
  const tensor = outputs[name];
  if (tensor?.data instanceof Float32Array) return { data: tensor.data, shape: tensor.shape };
  const message = `The ${graph} graph has no float32 output named ${name}.`;
  throw new EarshotError('model_invalid', message, { subject: name });
}

/** What a graph declares of an input or output. */
export interface OnnxValueInfo {
  name: string;
  /** Element type, such as `float32`. */
  type: string;
  /** A number is a fixed size, a string a free one; empty where the graph leaves the rank open. */
  shape: readonly (number | string)[];
}

/** Only errors are printed; warnings about a graph's optimisation would end up on a command's stderr. */
const LOG_ERRORS_ONLY = 3;
const LOG_FATAL_ONLY = 4;

/** One loaded model. `run` computes on the calling thread, so that servers hold sessions in worker threads. */
export class OnnxSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #session: InferenceSession;
  readonly #subject: string;

  private constructor(session: InferenceSession, subject: string) {
    this.#session = session;
    this.#subject = subject;
    this.inputNames = session.inputNames;
    this.outputNames = session.outputNames;
  }

  /**
   * Loads and optimises a model.
   *
   * @param model path of an `.onnx` file, or its bytes
   * @throws EarshotError `model_invalid` when it can't be read or is no model that ONNX Runtime takes
   */
  static async open(model: string | Uint8Array, options: OnnxSessionOptions = {}): Promise<OnnxSession> {
    const subject = options.subject ?? (typeof model === 'string' ? model : 'the model');
    const sessionOptions: InferenceSession.SessionOptions = {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: options.threads ?? 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      logSeverityLevel: options.quiet ? LOG_FATAL_ONLY : LOG_ERRORS_ONLY,
    };
    try {
      // Two calls, because the overloads do not take the union.
      const session =
        typeof model === 'string'
          ? await InferenceSession.create(model, sessionOptions)
          : await InferenceSession.create(model, sessionOptions);
      return new OnnxSession(session, subject);
    } catch (cause) {
      throw new EarshotError('model_invalid', `ONNX Runtime can't load ${subject}: ${reason(cause)}`, {
        subject,
        cause,
      });
    }
  }

  /**
   * One forward pass.
   *
   * @param inputs  by the graph's input names
   * @param outputs which outputs to answer; default: all. The runtime skips no work for those left out, but copies
   *                nothing either.
   * @throws EarshotError `model_invalid` when an input is missing or has another type or shape than the graph's
   */
  async run(
    inputs: Readonly<Record<string, OnnxTensor>>,
    outputs: readonly string[] = this.outputNames,
  ): Promise<Record<string, OnnxTensor>> {
    try {
      const feeds: Record<string, Tensor> = {};
      for (const [name, { data, shape }] of Object.entries(inputs)) feeds[name] = new Tensor(data, shape);
      const results = await this.#session.run(feeds, outputs);
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [
          name,
          { data: tensor.data as OnnxArray, shape: tensor.dims },
        ]),
      );
    } catch (cause) {
      throw new EarshotError('model_invalid', `ONNX Runtime can't run ${this.#subject}: ${reason(cause)}`, {
        subject: this.#subject,
        cause,
      });
    }
  }

  /** What the graph declares of its inputs. */
  get inputs(): OnnxValueInfo[] {
    return this.#session.inputMetadata.map(valueInfo);
  }

  /** What the graph declares of its outputs. */
  get outputs(): OnnxValueInfo[] {
    return this.#session.outputMetadata.map(valueInfo);
  }

  /** Frees the model's memory; the session can't be run afterwards. */
  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

function valueInfo(metadata: InferenceSession.ValueMetadata): OnnxValueInfo {
  const { name } = metadata;
  return metadata.isTensor
    ? { name, type: metadata.type, shape: metadata.shape }
    : { name, type: 'no tensor', shape: [] };
}

/** The runtime's first line, as a sentence. */
function reason(cause: unknown): string {
  const text = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]?.trim() ?? '';
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
