/**
 * JSON text that PostgreSQL can turn into text columns: it holds neither NUL nor half a surrogate pair, and one such character would
 * stop the projector for good. An escaped backslash before "u0000" is just text.
 */
export const storableJson = (json: string): string =>
  json.replace(/\\(\\|u0000|ud[89a-f][0-9a-f]{2})/g, (escape) => (escape === '\\\\' ? escape : '\\ufffd'));
