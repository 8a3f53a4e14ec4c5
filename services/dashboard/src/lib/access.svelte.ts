const KEY = 'fin-agent.token';

/** The token that requests carry; kept for this tab only, so that closing it is enough to leave. */
class Access {
  token = $state(stored());
  /** Why the API wants a token: it knows of none, or the one in use lacks the scope. */
  wanted = $state<'token' | 'scope' | null>(null);

  /** What a request says about who sends it. */
  headers(): Record<string, string> {
    return this.token === '' ? {} : { authorization: `Bearer ${this.token}` };
  }

  use(token: string): void {
    this.token = token.trim();
    this.wanted = null;
    try {
      sessionStorage.setItem(KEY, this.token);
    } catch {
      // A browser that keeps nothing asks again after a reload.
    }
  }
}

function stored(): string {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

export const access = new Access();
