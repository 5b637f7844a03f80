/** As many as can be told apart, and as one question may ask for. */
export const comparedMax = 50;

/** The address of a comparison; ids are of letters, digits, points, dashes and underscores. */
export const compareAddress = (ids: readonly string[]): string => `/compare?runs=${ids.join(',')}`;

/** Each run once, in the order of the address. */
export function readChosen(search: URLSearchParams): string[] {
  const ids = (search.get('runs') ?? '').split(',').filter((id) => id !== '');
  return [...new Set(ids)].slice(0, comparedMax);
}
