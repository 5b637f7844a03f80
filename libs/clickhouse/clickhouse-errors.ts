import { ClickHouseError } from '@clickhouse/client';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';

/**
 * What an error of ClickHouse means to us, by its number. One list: 'waited' time or an operator mends it, so projectors wait, doors
 * answer 503 and readiness names it; 'refused' the caller asked for too much; 'damaged' the files under the tables are not what was
 * written, which is looked into and mended; 'missing' tables were taken away, the same; anything else is a mistake of ours and 'fatal'.
 */
export type ClickHouseErrorClass = 'waited' | 'refused' | 'damaged' | 'missing' | 'fatal';

export const clickHouseErrorClasses: { readonly [Class in Exclude<ClickHouseErrorClass, 'fatal'>]: readonly number[] } =
  {
    waited: [
      // too busy, too slow, out of memory, threads, connections, disk
      159, 160, 173, 201, 202, 203, 241, 243, 252, 290, 394, 439, 473, 529, 692, 696, 700, 724, 734, 735, 745, 749, 762,
      776, 777, 778,
      // going down, starting, read-only
      164, 236, 242, 415, 472, 495, 774,
      // rights, passwords and users are changed while programs run
      192, 193, 194, 195, 291, 481, 497, 516, 673, 720,
      // network and names
      95, 96, 198, 209, 210, 279, 364, 410,
      // replicas and their keeper
      224, 225, 234, 244, 251, 254, 255, 265, 285, 286, 289, 308, 319, 369, 416, 571, 574, 668, 709, 904, 999,
      // disks, here and in a bucket
      74, 75, 76, 77, 88, 107, 172, 204, 294, 425, 499, 500, 586, 641, 660, 771, 1000, 1001, 1002, 1009,
    ],
    refused: [158, 307, 396],
    damaged: [
      // end of a file, checksums, parts
      32, 33, 40, 87, 91, 226, 227, 228, 230, 231, 232, 233, 246, 271, 740,
    ],
    missing: [60, 81],
  };

export function classOfClickHouseError(code: number): ClickHouseErrorClass {
  for (const [name, codes] of Object.entries(clickHouseErrorClasses))
    if (codes.includes(code)) return name as ClickHouseErrorClass;
  return 'fatal';
}

/** Waited for as well: whoever watches over the tables is told of it and makes them again. */
export class MetricTablesBroken extends Unavailable {
  constructor(
    message: string,
    readonly code: number,
    options?: ErrorOptions,
  ) {
    super(message, 1_000, options);
  }
}

export interface Asked {
  readonly resultBytesMax: number;
  readonly requestTimeoutMs: number;
}

/** An error of the server or of the way to it, as one of our four kinds. */
export function readClickHouseError(error: unknown, asked: Asked): unknown {
  if (error instanceof Unavailable || error instanceof Rejection) return error;
  if (error instanceof ClickHouseError) return readServerError(error, asked);
  if (!(error instanceof Error) || !connectionLost(error)) return error;
  const said = /timeout error/i.test(error.message) ? `no answer in ${asked.requestTimeoutMs} ms` : error.message;
  return new Unavailable(`ClickHouse can't be reached: ${said || codeOf(error)}`, 500, { cause: error });
}

function readServerError(error: ClickHouseError, { resultBytesMax }: Asked): Error {
  const code = Number(error.code);
  const text = `${error.code} ${error.type ?? ''}: ${error.message}`;
  switch (classOfClickHouseError(code)) {
    case 'waited':
      return new Unavailable(`ClickHouse can't serve now (${code}): ${error.message}`, 1_000, { cause: error });
    case 'refused':
      return new Rejection('TOO_LARGE', `the answer would be larger than ${resultBytesMax} bytes; ask for less of it`);
    case 'damaged':
      return new MetricTablesBroken(`the files of the metric tables are damaged (${text})`, code, { cause: error });
    case 'missing':
      return new MetricTablesBroken(`metric tables are missing (${text})`, code, { cause: error });
    case 'fatal':
      return new Error(`ClickHouse ${text}`, { cause: error });
  }
}

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? '';

function connectionLost(error: Error): boolean {
  return (
    /^(E[A-Z_]+|ERR_STREAM_PREMATURE_CLOSE|ERR_SSL_.*|ERR_TLS_.*|CERT_.*|UND_ERR_.*)$/.test(codeOf(error)) ||
    /socket hang up|aborted|Timeout error|premature|bad gateway|service unavailable|gateway time/i.test(error.message)
  );
}
