/** Explicit injection tokens: no decorator metadata is emitted. */
export const BACKEND = Symbol('Backend');
export const LOGGER = Symbol('Logger');
export const INSTRUMENTS = Symbol('Instruments');
export const GATEWAY = Symbol('Gateway');
/** The reader of all request bodies. */
export const BODIES = Symbol('Bodies');
export const REBUILD = Symbol('Rebuild');
