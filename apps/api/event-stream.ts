/** Reading server-sent events from a body, as the WHATWG standard lays them out. */

export interface ServerSentEvent {
  event: string;
  data: string;
}

/** Yields each event of a `text/event-stream`; comments and unfinished events are left out. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true });
    // A trailing \r may be half of a \r\n whose other half is still on its way.
    const complete = pending.endsWith('\r') ? pending.slice(0, -1) : pending;
    const blocks = complete.replace(/\r\n?/g, '\n').split('\n\n');
    pending = `${blocks.pop() ?? ''}${pending.endsWith('\r') ? '\r' : ''}`;
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event) yield event;
    }
  }
}

function parseBlock(block: string): ServerSentEvent | null {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const match = /^(event|data):? ?(.*)$/.exec(line);
    if (match?.[1] === 'event') event = match[2] ?? '';
    else if (match?.[1] === 'data') data.push(match[2] ?? '');
  }
  return data.length === 0 ? null : { event, data: data.join('\n') };
}
