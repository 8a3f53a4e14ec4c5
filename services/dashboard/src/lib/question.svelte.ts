import { command } from './api';
import { idempotencyKey } from './commands.svelte';

/** A command about one row, before it is sent. */
export interface Asked<Answer> {
  /** Below `/api/v1/commands`. */
  path: string;
  /** What its button says. */
  verb: string;
  /** What it is about: `dead letter 7`. */
  about: string;
  /** What an answer means. */
  told: (answer: Answer) => string;
}

/** The reason that a row's command still needs, and what came of the last command. */
export class Question<Answer extends { id: string }> {
  asked = $state.raw<(Asked<Answer> & { key: string }) | null>(null);
  outcome = $state('');
  readonly #sent: () => Promise<void>;

  /** `sent` follows every command, also one that failed. */
  constructor(sent: () => Promise<void>) {
    this.#sent = sent;
  }

  ask(asked: Asked<Answer>): void {
    this.asked = { ...asked, key: idempotencyKey() };
    this.outcome = '';
  }

  cancel(): void {
    this.asked = null;
  }

  /** Sends what is asked; the question stays open when that fails, to be sent again under the same key. */
  async send(reason: string): Promise<void> {
    const asked = this.asked;
    if (!asked) return;
    try {
      this.outcome = asked.told(await command<Answer>(asked.path, { reason }, asked.key));
      // Another row's may be open by now.
      if (this.asked === asked) this.asked = null;
    } catch (cause) {
      this.outcome = cause instanceof Error ? cause.message : String(cause);
    }
    await this.#sent();
  }
}
