/** Renders a planned scene with the performances of its actors, frame by frame, with the ground truth. */
import type { Canvas, SKRSContext2D } from '@napi-rs/canvas';
import { createCanvas } from '@napi-rs/canvas';
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import type { Performance } from '../performance.ts';
import { isRecorded } from '../recordings/catalogue.ts';
import { drawBackground } from './background.ts';
import { Brush, css } from './brush.ts';
import { drawMover, planMovers } from './clutter.ts';
import type { DrawnObject, ObjectMaker } from './drawn-object.ts';
import type { Look } from './look.ts';
import { randomLook } from './look.ts';
import type { Box } from './mask.ts';
import { boxOf, coarseMask } from './mask.ts';
import { makeSprite } from './objects/sprite.ts';
import type { Pose } from './pose.ts';
import { PoseTrack } from './pose.ts';
import { OBJECT_MAKERS } from './repertoire.ts';
import type { ActorSpec, SceneSpec } from './scene-plan.ts';
import { noiseTile } from './textures.ts';
import { drawPassages, drawRain, planWeather, type Weather } from './weather.ts';

export interface ActorTruth {
  /** Around the visible part of the object with its sticks and hands; null while it is out of the frame. */
  box: Box | null;
  /** Coverage 0..255 of a `maskSide x maskSide` grid, row by row; only where masks were asked for. */
  mask?: Uint8Array;
}

export interface Frame {
  index: number;
  timeSec: number;
  /** RGBA, opaque, `[height * width * 4]`; a fresh copy for each frame. */
  pixels: Uint8Array;
  /** One for each actor of the plan, in its order. A covered object keeps its whole box. */
  actors: ActorTruth[];
}

export interface FrameOptions {
  /** Side of the coarse masks; without it there are none. */
  maskSide?: number;
}

/** The background exceeds the frame by this factor, so that no camera move shows its edge. */
const OVERSCAN = 1.36;

interface Actor {
  spec: ActorSpec;
  object: DrawnObject;
  look: Look;
  track: PoseTrack;
}

/** Holds the bitmaps of one scene. Frames can be asked for in any order; each depends only on its index. */
export class SceneRenderer {
  readonly spec: SceneSpec;
  readonly frameCount: number;
  readonly #actors: Actor[];
  readonly #background: Canvas;
  readonly #movers: ReturnType<typeof planMovers>;
  readonly #weather: Weather;
  readonly #frame: Canvas;
  readonly #layer: Canvas;
  readonly #noise: Canvas;
  readonly #vignette: CanvasGradient;

  /**
   * @param performances one for each actor of the plan, in its order; null keeps that actor silent and still
   * @param pictures cut-outs for the actors of recorded kinds, at their places; others need none
   * @throws EarshotError `invalid_argument` where the numbers differ or a picture is missing
   */
  constructor(
    spec: SceneSpec,
    performances: readonly (Performance | null)[],
    pictures: readonly (Canvas | null)[] = [],
  ) {
    if (performances.length !== spec.actors.length) {
      throw new EarshotError(
        'invalid_argument',
        `The scene has ${spec.actors.length} actors but ${performances.length} performances.`,
      );
    }
    this.spec = spec;
    this.frameCount = Math.round(spec.durationSec * spec.frameRateHz);
    this.#actors = spec.actors.map((actor, i) =>
      castActor(actor, performances[i] ?? null, pictures[i] ?? null),
    );
    this.#background = drawBackground(
      spec.backgroundSeed,
      spec.venue,
      Math.ceil(spec.width * OVERSCAN),
      Math.ceil(spec.height * OVERSCAN),
    );
    this.#movers = planMovers(spec.backgroundSeed);
    this.#weather = planWeather(spec.seed, spec.venue, spec.durationSec);
    this.#frame = createCanvas(spec.width, spec.height);
    this.#layer = createCanvas(spec.width, spec.height);
    // Without grain one pixel will do: the tile costs more than anything else in setting up a scene.
    const grainSide = spec.grade.noise > 0 ? Math.ceil(Math.max(spec.width, spec.height) * 1.3) : 1;
    this.#noise = noiseTile(new SeededRandom(`noise/${spec.grade.noiseSeed}`), grainSide, true);
    this.#vignette = vignetteOf(this.#frame.getContext('2d'), spec);
  }

  *frames(options: FrameOptions = {}): Generator<Frame> {
    for (let index = 0; index < this.frameCount; index++) yield this.renderFrame(index, options);
  }

  renderFrame(index: number, options: FrameOptions = {}): Frame {
    const { spec } = this;
    const timeSec = index / spec.frameRateHz;
    const ctx = this.#frame.getContext('2d');
    ctx.save();
    pointCamera(ctx, spec, timeSec);
    const margin = (OVERSCAN - 1) / 2;
    ctx.drawImage(
      this.#background,
      -margin * spec.width,
      -margin * spec.height,
      spec.width * OVERSCAN,
      spec.height * OVERSCAN,
    );
    this.#drawMovers(ctx, timeSec);
    ctx.restore();
    const actors = this.#actors.map((actor) => this.#drawActor(ctx, actor, timeSec, options));
    drawRain(ctx, this.#weather, timeSec, spec.width, spec.height);
    this.#gradeFrame(ctx, index);
    return { index, timeSec, pixels: this.#frame.data(), actors };
  }

  #drawMovers(ctx: SKRSContext2D, timeSec: number): void {
    if (this.#movers.length === 0 && this.#weather.passages.length === 0) return;
    ctx.save();
    ctx.scale(this.spec.width, this.spec.height);
    const finish = this.#actors[0]?.look.finish ?? {
      outlineWidth: 0,
      outline: { hue: 0, saturation: 0, lightness: 0 },
      shading: 0.5,
      lightX: 0,
    };
    const brush = new Brush(ctx, { ...finish, outlineWidth: finish.outlineWidth * 0.5 });
    drawPassages(brush, this.#weather, timeSec);
    for (const mover of this.#movers) drawMover(brush, mover, timeSec);
    ctx.restore();
  }

  #drawActor(ctx: SKRSContext2D, actor: Actor, timeSec: number, options: FrameOptions): ActorTruth {
    const { width, height } = this.spec;
    const pose = actor.track.at(timeSec);
    ctx.save();
    pointCamera(ctx, this.spec, timeSec);
    placeActor(ctx, this.spec, actor.spec, timeSec);
    if (actor.spec.shadow > 0) {
      ctx.beginPath();
      ctx.ellipse(0.03, 0.48, 0.46, 0.06, 0, 0, Math.PI * 2);
      ctx.fillStyle = `rgba(0,0,0,${actor.spec.shadow})`;
      ctx.fill();
    }
    actor.object.drawPlayer?.(new Brush(ctx, actor.look.finish), pose);
    ctx.restore();
    this.#drawLayer(actor, pose, timeSec);
    ctx.drawImage(this.#layer, 0, 0);
    const alpha = this.#layer.data();
    const truth: ActorTruth = { box: boxOf(alpha, width, height) };
    if (options.maskSide) {
      truth.mask = coarseMask(alpha, width, height, options.maskSide, truth.box);
    }
    return truth;
  }

  #drawLayer(actor: Actor, pose: Pose, timeSec: number): void {
    const layer = this.#layer.getContext('2d');
    layer.clearRect(0, 0, this.spec.width, this.spec.height);
    layer.save();
    pointCamera(layer, this.spec, timeSec);
    placeActor(layer, this.spec, actor.spec, timeSec);
    actor.object.draw(new Brush(layer, actor.look.finish), pose);
    layer.restore();
  }

  #gradeFrame(ctx: SKRSContext2D, index: number): void {
    const { grade, width, height } = this.spec;
    if (grade.blurPx > 0) {
      ctx.filter = `blur(${grade.blurPx.toFixed(2)}px)`;
      ctx.drawImage(this.#frame, 0, 0);
      ctx.filter = 'none';
    }
    const wash = (operation: GlobalCompositeOperation, style: string | CanvasGradient) => {
      ctx.globalCompositeOperation = operation;
      ctx.fillStyle = style;
      ctx.fillRect(0, 0, width, height);
    };
    wash('source-over', css(grade.tint, grade.tintStrength));
    if (grade.exposure > 0) wash('screen', `rgba(255,255,255,${(grade.exposure * 0.6).toFixed(3)})`);
    else wash('multiply', `rgba(0,0,0,${(-grade.exposure).toFixed(3)})`);
    if (grade.vignette > 0) wash('multiply', this.#vignette);
    ctx.globalCompositeOperation = 'source-over';
    if (grade.noise > 0) {
      const random = new SeededRandom(`grain/${grade.noiseSeed}/${index}`);
      ctx.globalAlpha = grade.noise;
      ctx.drawImage(
        this.#noise,
        -Math.floor(random.uniform(0, 0.3) * width),
        -Math.floor(random.uniform(0, 0.3) * height),
      );
      ctx.globalAlpha = 1;
    }
  }
}

function castActor(spec: ActorSpec, performance: Performance | null, picture: Canvas | null): Actor {
  const random = new SeededRandom(`variant/${spec.variantSeed}`);
  const look = randomLook(random);
  const silent = { events: [], loudness: new Float32Array(1), pitchMidi: new Float32Array(1) };
  return {
    spec,
    look,
    object: makerOf(spec, picture)(random, look, spec.form),
    track: new PoseTrack(performance ?? silent),
  };
}

function makerOf(spec: ActorSpec, picture: Canvas | null): ObjectMaker {
  if (!isRecorded(spec.soundClass)) return OBJECT_MAKERS[spec.soundClass];
  if (picture) return makeSprite(picture);
  const message = `An actor of the class ${spec.soundClass} needs a picture.`;
  throw new EarshotError('invalid_argument', message, { subject: spec.soundClass });
}

function pointCamera(ctx: SKRSContext2D, spec: SceneSpec, timeSec: number): void {
  const { camera, width, height } = spec;
  const t = timeSec / spec.durationSec;
  const mix = (from: number, to: number) => from + (to - from) * t;
  const shake = (rate: number) =>
    camera.jitter *
    (Math.sin(timeSec * rate + camera.jitterPhase) +
      Math.sin(timeSec * rate * 1.73 + camera.jitterPhase * 2));
  const zoom = mix(camera.zoomFrom, camera.zoomTo);
  ctx.translate(
    width * (0.5 + mix(camera.panFrom[0], camera.panTo[0]) + shake(9)),
    height * (0.5 + mix(camera.panFrom[1], camera.panTo[1]) + shake(7.3)),
  );
  ctx.rotate(camera.roll);
  ctx.scale(zoom, zoom);
  ctx.translate(-width / 2, -height / 2);
}

function placeActor(ctx: SKRSContext2D, spec: SceneSpec, actor: ActorSpec, timeSec: number): void {
  const t = timeSec / spec.durationSec - 0.5;
  const wobble = actor.wobble * Math.sin(timeSec * actor.wobbleHz * Math.PI * 2 + actor.wobblePhase);
  ctx.translate(
    spec.width * (actor.x + actor.driftX * t + wobble),
    spec.height * (actor.y + actor.driftY * t - wobble * 0.6),
  );
  ctx.rotate(actor.angle);
  ctx.transform(1, actor.skewY, actor.skewX, 1, 0, 0);
  const side = actor.size * spec.height;
  ctx.scale(side * actor.stretchX * (actor.mirrored ? -1 : 1), side);
}

function vignetteOf(ctx: SKRSContext2D, spec: SceneSpec): CanvasGradient {
  const { width, height, grade } = spec;
  const gradient = ctx.createRadialGradient(
    width / 2,
    height / 2,
    width * 0.25,
    width / 2,
    height / 2,
    width * 0.75,
  );
  gradient.addColorStop(0, 'rgba(0,0,0,0)');
  gradient.addColorStop(1, `rgba(0,0,0,${grade.vignette.toFixed(3)})`);
  return gradient;
}
