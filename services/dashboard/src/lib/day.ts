/** Which session the page shows: one that is over, named by `?day=`, or the running one. */

/** The session of a location's query; null for the running one. */
export function dayOf(search: string): string | null {
  const day = new URLSearchParams(search).get('day');
  return day !== null && /^\d{4}-\d{2}-\d{2}$/.test(day) ? day : null;
}

/** The past session shown, read-only; another one is another page load. */
export const pastDay = dayOf(location.search);

/** A past session as the running one would be shown. */
export const dayHref = (day: string): string => `?day=${day}#/now`;
