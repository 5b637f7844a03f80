import { Rejection } from '#libs/domain/rejection.js';

/** Where a text may begin, and end, in a way of its own: then no text is taken for one. */
const unclear = /--|#|\/\*|["`$\u2018\u2019\u201c\u201d]/;
const plainTexts = /'(?:[^'\\]|\\.|'')*'/gs;

/**
 * Refuses the one function that reads what lies beside the tables: the embedded engine's scalar file() asks for no grant, and the
 * engine's own logs and parts are within its reach. Its name must not come through in any spelling; within a plain text it may.
 */
export function checkNoFile(sql: string, params: Readonly<Record<string, string>> = {}): void {
  const code = unclear.test(sql) ? sql : sql.replace(plainTexts, "''");
  const named = Object.values(params).some((value) => /^\W*file\W*$/i.test(value)) && /identifier/i.test(sql);
  if (named || /\bfile\b/i.test(code) || /["`][^"`]*\\/.test(sql)) {
    throw new Rejection(
      'FORBIDDEN',
      'query: the function "file" is not offered, nor its name outside of a text in single quotes, nor backslashes in quoted names',
      'query',
    );
  }
}
