/** One server-sent event. */
export interface ServerEvent {
  name: string;
  data: string;
  /** The id in force after this event: the store's commit number. */
  id: string;
}

/** Cuts a text stream into server-sent events (WHATWG HTML, 9.2.6), whatever the chunks. */
export class EventParser {
  #buffer = '';
  #name = '';
  #data: string[] = [];
  #id: string;

  constructor(lastEventId = '') {
    this.#id = lastEventId;
  }

  /** The events that `chunk` completes. */
  push(chunk: string): ServerEvent[] {
    this.#buffer += chunk;
    const events: ServerEvent[] = [];
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.#buffer);
      if (!end) return events;
      const line = this.#buffer.slice(0, end.index);
      this.#buffer = this.#buffer.slice(end.index + end[0].length);
      const event = this.#line(line);
      if (event) events.push(event);
    }
  }

  #line(line: string): ServerEvent | null {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#name = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return null;
  }

  #dispatch(): ServerEvent | null {
    const event = { name: this.#name || 'message', data: this.#data.join('\n'), id: this.#id };
    const empty = this.#data.length === 0;
    this.#name = '';
    this.#data = [];
    return empty ? null : event;
  }
}

const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 5_000;
/** Silence after which a connection counts as dead: five missed heartbeats. */
export const SILENCE_MAX_MS = 5_000;

/** The wait before reconnect number `attempt` (from 0): doubling, with up to a quarter taken off by `jitter` in 0..1. */
export function backoffMs(attempt: number, jitter: number): number {
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 10));
  return full * (1 - jitter / 4);
}

export interface LiveHandlers {
  /** A stream is open; `resumed` when it carries on from an earlier one. */
  opened(resumed: boolean): void;
  event(event: ServerEvent): void;
  /** The stream ended or could not be opened; another try follows by itself. */
  lost(reason: string): void;
}

export interface LiveOptions {
  url: string;
  /** What each request says about who sends it. */
  identity?: () => Record<string, string>;
  handlers: LiveHandlers;
  fetch?: typeof fetch;
  wait?: (ms: number) => Promise<void>;
  silenceMs?: number;
}

/** Reads an event stream with `fetch` for ever: resumes after the last id, reconnects with growing waits. */
export class LiveStream {
  #lastId = '';
  #attempt = 0;
  #everOpened = false;
  #stopped = new AbortController();
  readonly #options: Required<LiveOptions>;

  constructor(options: LiveOptions) {
    this.#options = {
      fetch: (input, init) => fetch(input, init),
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      silenceMs: SILENCE_MAX_MS,
      identity: () => ({}),
      ...options,
    };
  }

  /** The id of the last event received. */
  get lastId(): string {
    return this.#lastId;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const reason = await this.#connect();
      if (this.#stopped.signal.aborted) return;
      this.#options.handlers.lost(reason);
      await this.#options.wait(backoffMs(this.#attempt, Math.random()));
      this.#attempt += 1;
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #connect(): Promise<string> {
    const connection = new AbortController();
    const signal = AbortSignal.any([connection.signal, this.#stopped.signal]);
    let watchdog = setTimeout(() => connection.abort(), this.#options.silenceMs);
    const heard = (): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => connection.abort(), this.#options.silenceMs);
    };
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream', ...this.#options.identity() };
      if (this.#lastId) headers['last-event-id'] = this.#lastId;
      const response = await this.#options.fetch(this.#options.url, { headers, signal, cache: 'no-store' });
      if (!response.ok || !response.body) return `HTTP ${response.status}`;
      this.#options.handlers.opened(this.#everOpened);
      this.#everOpened = true;
      await this.#read(response.body, heard);
      return 'the stream ended';
    } catch (cause) {
      if (connection.signal.aborted) return `silent for ${this.#options.silenceMs / 1000} s`;
      return cause instanceof Error ? cause.message : 'the connection failed';
    } finally {
      clearTimeout(watchdog);
      connection.abort();
    }
  }

  async #read(body: ReadableStream<Uint8Array>, heard: () => void): Promise<void> {
    const parser = new EventParser(this.#lastId);
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        this.#attempt = 0;
        this.#lastId = event.id;
        this.#options.handlers.event(event);
      }
    }
  }
}
