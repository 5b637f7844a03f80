/** Explicit injection tokens: no decorator metadata is emitted. */
export const BACKEND = Symbol('Backend');
export const LOGGER = Symbol('Logger');
export const INSTRUMENTS = Symbol('Instruments');
export const GATEWAY = Symbol('Gateway');
export const REBUILD = Symbol('Rebuild');
