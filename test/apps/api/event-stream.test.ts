import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readEvents } from '#apps/api/event-stream';

const TEXT = ': hello\n\nevent: job\ndata: {"a":1}\n\ndata: ä\r\ndata: b\r\n\r\nevent: job\ndata: unfinished';

async function* split(bytes: Uint8Array, cuts: number[]): AsyncGenerator<Uint8Array> {
  const places = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...places, bytes.length]) {
    yield bytes.subarray(from, to);
    from = to;
  }
}

it('reads the same events wherever the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { maxLength: 20 }), async (cuts) => {
      const events = [];
      for await (const event of readEvents(split(new TextEncoder().encode(TEXT), cuts))) events.push(event);
      expect(events).toEqual([
        { event: 'job', data: '{"a":1}' },
        { event: 'message', data: 'ä\nb' },
      ]);
    }),
  );
});
