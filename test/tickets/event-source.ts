/** What a page sees of an `EventSource`: events, reconnections, and the end when it gives up. */
export interface EventSourceStory {
  readonly events: readonly string[];
  /** The status of each connection, in order. */
  readonly statuses: readonly number[];
}

/**
 * Behaves as `EventSource` of browsers does: it reads events, connects again to the same URL when the stream ends, and gives
 * up for good when the answer is not an event stream (HTML standard, "server-sent events").
 *
 * @param onEvent called with the data of each event
 */
export async function runEventSource(
  url: string,
  onEvent: (data: string) => void = () => {},
): Promise<EventSourceStory> {
  const events: string[] = [];
  const statuses: number[] = [];
  for (;;) {
    const response = await fetch(url, { headers: { accept: 'text/event-stream' } });
    statuses.push(response.status);
    const type = response.headers.get('content-type') ?? '';
    if (response.status !== 200 || !type.startsWith('text/event-stream')) {
      await response.body?.cancel();
      return { events, statuses };
    }
    for await (const data of readEvents(response)) {
      events.push(data);
      onEvent(data);
    }
  }
}

/** The data of each event, until the stream ends. Rejects if the connection is cut off. */
export async function* readEvents(response: Response): AsyncGenerator<string> {
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield data;
    }
  }
}
