import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { underOwnName } from '#catalog/own-name';
import { EarshotError } from '#core/errors';

const file = { fileName: 'holiday.mp4', places: ['/data/objects/ab/0123.mp4', 'ab/0123.mp4'] };
const failing = (error: unknown, named = file) => underOwnName(named, () => Promise.reject(error));

describe('underOwnName', () => {
  it('answers what the work answers', async () => {
    expect(await underOwnName(file, async () => 7)).toBe(7);
  });

  it('names the file as its owner does, and keeps code, retryability and cause', async () => {
    const message = 'ffmpeg gave up on file:/data/objects/ab/0123.mp4; "ab/0123.mp4" may be damaged.';
    const cause = new EarshotError('decode_failed', message, { subject: file.places[0], retryable: true });
    await expect(failing(cause)).rejects.toMatchObject({
      code: 'decode_failed',
      message: 'ffmpeg gave up on holiday.mp4; "holiday.mp4" may be damaged.',
      subject: 'file',
      retryable: true,
      cause,
    });
  });

  it('tells of unforeseen failures likewise', async () => {
    const error = new Error("EIO: i/o error, read '/data/objects/ab/0123.mp4'");
    await expect(failing(error)).rejects.toMatchObject({
      code: 'internal',
      message: "EIO: i/o error, read 'holiday.mp4'",
    });
  });

  it('knows a relative place by its absolute path too', async () => {
    const named = { fileName: 'a.wav', places: ['in/upload'] };
    const error = new Error(`no ${resolve('in/upload')}, no in/upload`);
    await expect(failing(error, named)).rejects.toMatchObject({ message: 'no a.wav, no a.wav' });
  });

  it('leaves alone what does not speak of the file', async () => {
    const error = new EarshotError('overloaded', 'Too much to do.', { subject: 'topK' });
    await expect(failing(error)).rejects.toBe(error);
  });
});
