// The tables by which both SDKs encode messages, from runstream.proto. They are kept in the repository: a Python package is installed
// without Node. `npm run generate` writes them; test/tidy.spec.ts fails when they are behind the proto.
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

/** Columns, and the envelope, are written by hand: they are what has to be fast. */
const byHand = new Set(['PointsLogged', 'PointBlock', 'Event', 'EventBatch', 'EventResult', 'EventResults']);
const scalars = {
  string: 's',
  uint32: 'u',
  uint64: 'u',
  int32: 'i',
  bytes: 'B',
  sint32: 'z',
  sint64: 'z',
  bool: 'b',
  double: 'd',
};

function kindOf(field, message) {
  const { type, repeated, map } = field;
  if (map) {
    if (field.keyType !== 'string' || type !== 'string') throw new Error(`${message}.${field.name}: a map of ${type}`);
    return 'M';
  }
  const scalar = scalars[type];
  if (scalar === undefined) return `${repeated ? 'r' : 'm'}:${type}`;
  if (!repeated) return scalar;
  if (scalar !== 's') throw new Error(`${message}.${field.name}: repeated ${type}`);
  return 'S';
}

function tables() {
  const { root } = protobuf.parse(readFileSync('libs/domain/wire/runstream.proto', 'utf8'), { keepCase: false });
  const { nested } = root.lookup('runstream.v1');
  return Object.entries(nested).flatMap(([name, message]) => {
    if (!(message instanceof protobuf.Type) || byHand.has(name)) return [];
    const fields = message.fieldsArray.toSorted((a, b) => a.id - b.id);
    return [{ name, fields: fields.map((field) => [field.id, field.name, kindOf(field, name)]) }];
  });
}

const origin = 'Generated from libs/domain/wire/runstream.proto by `npm run generate`: do not edit.';
const kinds =
  's text, u unsigned, i int32, z zigzag, b bool, d double, S texts, M text by text, B bytes in base64, m:<message>, r:<message> list';

function python() {
  const line = ({ name, fields }) =>
    `    "${name}": [${fields.map(([id, field, kind]) => `(${id}, "${field}", "${kind}")`).join(', ')}],`;
  return [
    `"""${origin}"""`,
    'from typing import Dict, List, Tuple',
    '',
    `# (field number, name, kind): ${kinds}`,
    'SCHEMA: Dict[str, List[Tuple[int, str, str]]] = {',
    ...tables().map(line),
    '}',
    '',
  ].join('\n');
}

function typescript() {
  const line = ({ name, fields }) =>
    `  ${name}: [${fields.map(([id, field, kind]) => `[${id}, '${field}', '${kind}']`).join(', ')}],`;
  return [
    `// ${origin}`,
    "export type Kind = 's' | 'u' | 'i' | 'z' | 'b' | 'd' | 'S' | 'M' | 'B' | `m:${string}` | `r:${string}`;",
    'type Fields = readonly (readonly [number, string, Kind])[];',
    '',
    `/** ${kinds}. */`,
    'export const schema: Readonly<Record<string, Fields>> = {',
    ...tables().map(line),
    '};',
    '',
  ].join('\n');
}

/** Path -> text of each. */
export const sdkSchemas = () => ({
  'libs/sdk-python/runstream/schema.py': python(),
  'libs/sdk-typescript/schema.ts': typescript(),
});
