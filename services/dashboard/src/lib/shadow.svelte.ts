import * as api from './api';

const EVERY_MS = 5_000;

/** One thing that the suite and a strategy on trial have decided otherwise. */
export interface Difference {
  round_id: string;
  /** Empty where the whole round is meant. */
  symbol: string;
  field: string;
  active: string;
  shadow: string;
  why: string;
}

/** What a strategy on trial would have done beside what the suite did. */
export interface ShadowReport {
  active: string | null;
  shadow: string | null;
  rounds: number;
  agree: number;
  differ: Difference[];
}

/** The report, asked for again and again while its panel is shown. */
export class Trial {
  report = $state.raw<ShadowReport | null>(null);
  error = $state.raw<api.ApiError | null>(null);

  async refetch(): Promise<void> {
    try {
      this.report = await api.get<ShadowReport>('shadow/report');
      this.error = null;
    } catch (cause) {
      this.error = cause instanceof api.ApiError ? cause : new api.ApiError('Unreadable answer', 0, String(cause), null);
    }
  }

  /** Asks from now on; returns what ends it. */
  poll(): () => void {
    void this.refetch();
    const timer = setInterval(() => void this.refetch(), EVERY_MS);
    return () => clearInterval(timer);
  }
}
