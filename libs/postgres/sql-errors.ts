import { Rejection, Unavailable } from '#libs/domain/rejection.js';

/**
 * What an error of PostgreSQL means to us, by SQLSTATE; a code of two letters is its whole class. There is one list, so that no caller
 * has a view of its own:
 * 'repeated' the same transaction may succeed at once; 'waited' time or an operator mends it, so projectors wait, doors answer 503 and
 * readiness names it; 'refused' the caller asked for too much or for what can't be stored; 'damaged' the files of the database are not
 * what was written; 'missing' tables were taken away or not made yet; anything else is a mistake of ours and 'fatal'.
 */
export type SqlErrorClass = 'repeated' | 'waited' | 'refused' | 'damaged' | 'missing' | 'fatal';

export const sqlErrorClasses: { readonly [Class in Exclude<SqlErrorClass, 'fatal'>]: readonly string[] } = {
  // serialization failure, deadlock, a lock that was not given, objects in use
  repeated: ['40', '55006', '55P03'],
  waited: [
    '08', // connections
    '25006', // read-only: a standby, or a server whose disk an operator guards
    '25P02', // the transaction had failed before
    '25P03', // idle in a transaction for too long
    '25P04', // the transaction took too long
    '28', // password, certificate, pg_hba: keys are changed while programs run
    '3D000', // the database is being restored
    '42501', // a right was taken away
    '53', // disk full, out of memory, too many connections
    '55000', // the database takes no connections now
    '57', // cancelled, statement time-out, shutting down, starting, database dropped
    '58000', // the operating system refused
    '58030', // input or output
  ],
  refused: [
    '22021', // bytes that are no text
    '22P05', // characters that can't be stored
    '2201B', // regular expression
    '54', // too complex, too large
  ],
  damaged: ['58P01', 'XX001', 'XX002'],
  missing: ['3F000', '42P01'],
};

export function classOfSqlState(code: string): SqlErrorClass {
  for (const [name, codes] of Object.entries(sqlErrorClasses))
    if (codes.some((known) => (known.length === 2 ? code.startsWith(known) : code === known)))
      return name as SqlErrorClass;
  return 'fatal';
}

const isSqlState = (code: string | null): code is string => code !== null && /^[0-9A-Z]{5}$/.test(code);
/** Of the network and of TLS: `ECONNRESET`, `EAI_AGAIN`, `ERR_SSL_…`, `CERT_HAS_EXPIRED`. */
const isSystemCode = (code: string | null): boolean => code !== null && /^(E[A-Z]|CERT_|[A-Z_]*CERTIFICATE)/.test(code);
/** What the driver says in words alone. */
const lost =
  /terminated|not queryable|timeout|timed? out|connection (error|closed|ended)|does not support SSL|no space left/i;

/** An error of the server or of the way to it, as one of our four kinds. */
export function readSqlError(error: unknown): Error {
  if (error instanceof Unavailable || error instanceof Rejection) return error;
  const { message = '', code: given } = error as { message?: string; code?: unknown };
  const code = typeof given === 'string' ? given : null;
  // an address with several tries fails with an empty message
  const text = message === '' ? (code ?? String(error)) : message;
  if (!isSqlState(code)) {
    if (isSystemCode(code) || lost.test(text))
      return new Unavailable(`PostgreSQL can't be reached: ${text}`, 500, { cause: error });
    return Object.assign(new Error(`SQL failed: ${text}`, { cause: error }), { code });
  }
  switch (classOfSqlState(code)) {
    case 'repeated':
      return new Unavailable(`the transaction must be repeated: ${text}`, 50, { cause: error });
    case 'waited':
      return new Unavailable(waitedText(code, text), 1_000, { cause: error });
    case 'refused':
      return new Rejection('INVALID_ARGUMENT', `the run tables can't take this (${code}): ${text}`);
    case 'damaged':
      return new DamagedTables(`the files of the run tables are damaged (${code}): ${text}`, code, { cause: error });
    case 'missing':
      // with the code: who makes tables asks for it
      return Object.assign(
        new Unavailable(`the run tables are missing or not made yet (${code}): SQL failed: ${text}`, 1_000, {
          cause: error,
        }),
        { code },
      );
    case 'fatal':
      return Object.assign(new Error(`SQL failed: ${text}`, { cause: error }), { code });
  }
}

function waitedText(code: string, text: string): string {
  if (code === '53100') return `PostgreSQL (53100): the disk is full (${text}); free some space`;
  return `PostgreSQL can't serve now (${code}): ${text}`;
}

/** The files under the tables are not what was written: waited for until the tables have been made again from the log. */
export class DamagedTables extends Unavailable {
  constructor(
    message: string,
    readonly code: string,
    options?: ErrorOptions,
  ) {
    super(message, 1_000, options);
  }
}
