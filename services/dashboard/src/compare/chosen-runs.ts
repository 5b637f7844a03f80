/** As many as can be told apart, and as one question may ask for. */
export const comparedMax = 50;

/** The address of a comparison; ids are of letters, digits, points, dashes and underscores. */
export const compareAddress = (ids: readonly string[]): string => `/compare?runs=${ids.join(',')}`;

/** Each run once, in the order of the address; `passedOver`: how many there are beyond those that can be compared. */
export function readChosen(search: URLSearchParams): { readonly ids: string[]; readonly passedOver: number } {
  const ids = (search.get('runs') ?? '').split(',').filter((id) => id !== '');
  const all = [...new Set(ids)];
  return { ids: all.slice(0, comparedMax), passedOver: Math.max(0, all.length - comparedMax) };
}
