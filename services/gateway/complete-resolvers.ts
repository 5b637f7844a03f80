/** Resolvers of a type, with one for each field that its parent does not have by itself: a field without an answer does not compile. */
export type Complete<Resolvers, Parent = object> = Resolvers &
  Required<Omit<Resolvers, keyof Parent | '__isTypeOf' | `__resolve${string}`>>;
