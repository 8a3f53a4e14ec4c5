/** The page's places. The hash names them, so a link to a story survives a reload. */
export type Route =
  | { page: 'now' }
  | { page: 'symbol'; symbol: string | null }
  | { page: 'plans'; planId: string | null }
  | { page: 'system' };

/** Reads a location hash; what it does not know is the first page. */
export function parseRoute(hash: string): Route {
  const [page, argument] = hash.replace(/^#\/?/, '').split('/');
  const named = argument ? decodeURIComponent(argument) : null;
  if (page === 'symbol') return { page, symbol: named?.toUpperCase() ?? null };
  if (page === 'plans') return { page, planId: named };
  if (page === 'system') return { page };
  return { page: 'now' };
}

export const symbolHref = (symbol: string): string => `#/symbol/${encodeURIComponent(symbol)}`;
export const planHref = (planId: string): string => `#/plans/${encodeURIComponent(planId)}`;

class Router {
  route = $state.raw<Route>(parseRoute(location.hash));

  constructor() {
    addEventListener('hashchange', () => (this.route = parseRoute(location.hash)));
  }
}

export const router = new Router();
