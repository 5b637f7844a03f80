import './plain-numbers.js';
import protobuf from 'protobufjs/minimal.js';
import { Unreadable } from '#libs/domain/rejection.js';
import { runstream } from './generated/otlp.js';

/** As it was decoded: fields of 64 bits are bigints here, whatever the generated types say. */
export type OtlpExport = runstream.otlp.TraceExport;

/** Spans with all they hold; each costs some hundred bytes, however short it is written. */
const fieldsMax = 1_000_000;

/** Times in nanoseconds and attributes need all 64 bits, which the numbers of our own messages do not have. */
class ExactReader extends protobuf.Reader {
  private fields = 0;

  override tag(): number {
    if (++this.fields > fieldsMax) throw new RangeError(`more than ${fieldsMax} fields; send smaller batches`);
    return super.tag();
  }
  override fixed64(): never {
    const low = BigInt(this.fixed32());
    return ((BigInt(this.fixed32()) << 32n) | low) as never;
  }
  override int64(): never {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.pos >= this.len) throw new RangeError('a number ends in the middle');
      const byte = this.buf[this.pos++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value) as never;
    }
    throw new RangeError('a number has more than 10 bytes');
  }
}

/** Body of an OTLP/HTTP request; throws `Unreadable` when it is none. */
export function decodeOtlp(body: Uint8Array): OtlpExport {
  try {
    return runstream.otlp.TraceExport.decode(new ExactReader(body));
  } catch (error) {
    throw new Unreadable(`not an OTLP export of traces: ${(error as Error).message}`);
  }
}
