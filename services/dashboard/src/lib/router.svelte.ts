/** The page's places. The hash names them, so a link to a story survives a reload. */
export type Route =
  | { page: 'now' }
  | { page: 'symbol'; symbol: string | null }
  | { page: 'plans'; planId: string | null }
  | { page: 'analytics'; from: string | null; to: string | null }
  | { page: 'system' };

/** Reads a location hash; what it does not know is the first page. */
export function parseRoute(hash: string): Route {
  const [page, argument, second] = hash.replace(/^#\/?/, '').split('/');
  const named = argument ? decodeURIComponent(argument) : null;
  if (page === 'symbol') return { page, symbol: named?.toUpperCase() ?? null };
  if (page === 'plans') return { page, planId: named };
  if (page === 'analytics') return { page, from: date(argument), to: date(second) };
  if (page === 'system') return { page };
  return { page: 'now' };
}

const date = (text: string | undefined): string | null => (text && /^\d{4}-\d{2}-\d{2}$/.test(text) ? text : null);

/** The analytics of sessions from one to another; what is not given, the API decides. */
export const analyticsHref = (from: string | null, to: string | null): string =>
  from === null && to === null ? '#/analytics' : `#/analytics/${from ?? ''}/${to ?? ''}`;
export const symbolHref = (symbol: string): string => `#/symbol/${encodeURIComponent(symbol)}`;
export const planHref = (planId: string): string => `#/plans/${encodeURIComponent(planId)}`;

class Router {
  route = $state.raw<Route>(parseRoute(location.hash));

  constructor() {
    addEventListener('hashchange', () => (this.route = parseRoute(location.hash)));
  }
}

export const router = new Router();
