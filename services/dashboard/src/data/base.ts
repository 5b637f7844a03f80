/** Where the page lives: the server writes it into the page, with the path that a reverse proxy puts before it. */
export const base = (): URL => new URL(globalThis.document?.baseURI ?? 'http://localhost/');

/** An address of the server, given from its root ("/graphql"), as this browser has to ask for it. */
export const at = (path: string): string => new URL(path.replace(/^\/+/, ''), base()).href;
