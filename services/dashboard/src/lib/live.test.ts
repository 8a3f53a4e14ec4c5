import { expect, test } from 'vitest';
import { backoffMs, EventParser, LiveStream, type ServerEvent } from './live';

test('events are the same however the stream is cut', () => {
  const text = 'id: 7\nevent: plans\ndata: {"items":[]}\n\n: a comment\ndata: one\r\ndata: two\r\n\r\nid: 9\n\ndata: last\n\n';
  const expected: ServerEvent[] = [
    { name: 'plans', data: '{"items":[]}', id: '7' },
    { name: 'message', data: 'one\ntwo', id: '7' },
    { name: 'message', data: 'last', id: '9' },
  ];
  for (let size = 1; size <= text.length; size += 1) {
    const parser = new EventParser();
    const events: ServerEvent[] = [];
    for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
    expect(events, `chunks of ${size}`).toEqual(expected);
  }
});

test('an event that is not finished is not told', () => {
  const parser = new EventParser('3');
  expect(parser.push('event: fills\ndata: {}\n')).toEqual([]);
  expect(parser.push('\n')).toEqual([{ name: 'fills', data: '{}', id: '3' }]);
});

test('waits double up to five seconds, and jitter takes off at most a quarter', () => {
  expect([0, 1, 2, 3, 10, 99].map((attempt) => backoffMs(attempt, 0))).toEqual([250, 500, 1000, 2000, 5000, 5000]);
  expect(backoffMs(0, 1)).toBe(187.5);
});

function answer(...chunks: string[]): Response {
  const bytes = chunks.map((chunk) => new TextEncoder().encode(chunk));
  return new Response(new ReadableStream({ pull: (c) => { const next = bytes.shift(); if (next) c.enqueue(next); else c.close(); } }));
}

test('a lost stream is resumed after the last id, and says so', async () => {
  const asked: (string | undefined)[] = [];
  const told: string[] = [];
  const answers = [() => answer('id: 41\ndata: a\n\n', 'id: 42\ndata: b\n\n'), () => { throw new Error('refused'); }, () => answer('id: 43\ndata: c\n\n')];
  const stream: LiveStream = new LiveStream({
    url: '/stream',
    fetch: async (_url, init) => {
      asked.push((init?.headers as Record<string, string>)['last-event-id']);
      const next = answers.shift();
      if (next) return next();
      stream.stop();
      return answer();
    },
    wait: async () => {},
    handlers: {
      opened: (resumed) => told.push(resumed ? 'resumed' : 'opened'),
      event: (event) => told.push(event.data),
      lost: (reason) => told.push(`lost: ${reason}`),
    },
  });
  await stream.run();
  expect(asked).toEqual([undefined, '42', '42', '43']);
  expect(told.slice(0, 7)).toEqual(['opened', 'a', 'b', 'lost: the stream ended', 'lost: refused', 'resumed', 'c']);
});

test('silence ends a connection', async () => {
  const reasons: string[] = [];
  const stream: LiveStream = new LiveStream({
    url: '/stream',
    silenceMs: 20,
    fetch: async (_url, init) => {
      const body = new ReadableStream({ start: (c) => init?.signal?.addEventListener('abort', () => c.error(new Error('aborted'))) });
      return new Response(body);
    },
    wait: async () => stream.stop(),
    handlers: { opened: () => {}, event: () => {}, lost: (reason) => reasons.push(reason) },
  });
  await stream.run();
  expect(reasons).toEqual(['silent for 0.02 s']);
});
