import { LiveTable } from './session.svelte';

const EVERY_MS = 5_000;

/** A list that no live event tells about: asked for again and again while its panel is shown. */
export class Polled<Row> extends LiveTable<Row> {
  /** Asks from now on; returns what ends it. */
  poll(): () => void {
    void this.refetch();
    const timer = setInterval(() => void this.refetch(), EVERY_MS);
    return () => clearInterval(timer);
  }
}
