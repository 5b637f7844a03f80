import './plain-numbers.js';
import protobuf from 'protobufjs/minimal.js';

/** Reads no more than so many fields: two bytes can say "an empty message", which costs a hundred when it is made. */
export function boundedReader(bytes: Uint8Array, fieldsMax: number): protobuf.Reader {
  const reader = protobuf.Reader.create(bytes);
  const tag = reader.tag.bind(reader);
  let fields = 0;
  reader.tag = () => {
    if (++fields > fieldsMax) throw new RangeError(`more than ${fieldsMax} fields; send smaller batches`);
    return tag();
  };
  return reader;
}
