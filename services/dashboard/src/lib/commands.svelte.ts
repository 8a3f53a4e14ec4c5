import { access } from './access.svelte';
import { ApiError, command, type TradingState } from './api';
import { pastDay } from './day';

/** Time without the state's echo after which a command counts as not confirmed, in milliseconds. */
export const ECHO_MAX_MS = 2_000;

/** Strictness: a state is in force when the suite's is at least as strict. */
const STRICTNESS: Readonly<Record<TradingState, number>> = { normal: 0, no_entry: 1, reduce: 2, flatten: 3, halt: 4 };

export type Phase = 'draft' | 'sent' | 'acknowledged' | 'in force' | 'refused';

/** Whether `state` in force fulfils what `target` asked for; only `normal` has to be met exactly. */
export function fulfils(target: TradingState, state: TradingState): boolean {
  return target === 'normal' ? state === 'normal' : STRICTNESS[state] >= STRICTNESS[target];
}

/** One press of a button, from the dialog to the state's echo. It is sent at most once. */
export class Command {
  phase = $state<Phase>('draft');
  auditId = $state<string | null>(null);
  error = $state.raw<ApiError | null>(null);
  sentAtMs = $state<number | null>(null);
  acknowledgedAtMs = $state<number | null>(null);
  inForceAtMs = $state<number | null>(null);
  readonly target: TradingState;
  readonly #key = idempotencyKey();

  constructor(target: TradingState) {
    this.target = target;
  }

  /** Sends it; a second call does nothing. */
  async send(reason: string): Promise<void> {
    if (this.phase !== 'draft') return;
    this.phase = 'sent';
    this.sentAtMs = performance.now();
    const { path, body } = this.request(reason);
    try {
      const { id } = await command(path, body, this.#key);
      this.auditId = id;
      this.acknowledgedAtMs = performance.now();
      if (this.phase === 'sent') this.phase = 'acknowledged';
    } catch (cause) {
      this.error = cause instanceof ApiError ? cause : new ApiError('Unreadable answer', 0, String(cause), null);
      if (this.error.status >= 400) this.phase = 'refused';
    }
  }

  /** What is posted. */
  request(reason: string): { path: string; body: object } {
    return this.target === 'flatten'
      ? { path: 'flatten', body: { reason } }
      : { path: 'trading-state', body: { state: this.target, reason } };
  }

  /** Takes note of the trading state that the suite reports. */
  observe(state: TradingState): void {
    const open = this.phase === 'sent' || this.phase === 'acknowledged';
    if (!open || !fulfils(this.target, state)) return;
    this.phase = 'in force';
    this.inForceAtMs = performance.now();
  }

  /** Sent, but the state has not followed in time. */
  unconfirmed(nowMs: number): boolean {
    const open = this.phase === 'sent' || this.phase === 'acknowledged';
    return open && this.sentAtMs !== null && nowMs - this.sentAtMs > ECHO_MAX_MS;
  }
}

/** A random key; `crypto.randomUUID` is missing where the page is not served from a secure origin. */
export function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** The same command for a terminal. */
export function terminalLine(pressed: Command, reason: string, origin: string): string {
  const { path, body } = pressed.request(reason);
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  const who = access.token === '' ? '' : ' -H "authorization: Bearer $FIN_TOKEN"';
  return `curl -sS -X POST ${origin}/api/v1/commands/${path}${who} -H 'content-type: application/json' -d '${json}'`;
}

/** The dialog that is open and the command under way. */
class Controls {
  /** What the open dialog is about to ask for. */
  dialog = $state.raw<Command | null>(null);
  /** The last command that was sent, until its end is seen. */
  pending = $state.raw<Command | null>(null);

  open(target: TradingState): void {
    // What was decided on a session that is over concerns no other.
    if (pastDay) return;
    if (!this.dialog) this.dialog = new Command(target);
  }

  close(): void {
    this.dialog = null;
  }
}

export const controls = new Controls();
