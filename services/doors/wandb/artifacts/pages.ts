export interface PageAsked {
  readonly after?: string | null;
  readonly first?: number | null;
}
const pageMax = 10_000;

/** One page of what is known whole; a cursor is a place in it. */
export function pageOf<T>(all: readonly T[], { after, first }: PageAsked) {
  const from = after ? Number(after) + 1 || 0 : 0;
  const items = all.slice(from, from + Math.max(0, Math.min(first ?? 50, pageMax)));
  const end = from + items.length;
  return {
    from,
    items,
    totalCount: all.length,
    pageInfo: {
      __typename: 'PageInfo',
      endCursor: items.length > 0 ? String(end - 1) : null,
      hasNextPage: end < all.length,
    },
  };
}

/** The same as a connection of nodes. */
export function connectionOf<T>(all: readonly T[], asked: PageAsked, nodeOf: (each: T) => object) {
  const { from, items, totalCount, pageInfo } = pageOf(all, asked);
  return {
    totalCount,
    pageInfo,
    edges: items.map((each, index) => ({ cursor: String(from + index), ...nodeOf(each) })),
  };
}
