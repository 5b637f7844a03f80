import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql';
import { toJsonValue } from '#libs/live/metric-frame.js';
import { Column } from './column.js';

function readNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value);
  throw new GraphQLError(`expected a number, got ${JSON.stringify(value)}`);
}
function readWhole(value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw new GraphQLError(`expected a whole number within 2^53, got ${JSON.stringify(value)}`);
}
const literal = (read: (value: unknown) => number) => (node: Parameters<typeof valueFromASTUntyped>[0]) =>
  read(node.kind === Kind.INT || node.kind === Kind.FLOAT ? Number(node.value) : valueFromASTUntyped(node));

export const scalars = {
  Float64: new GraphQLScalarType<number, unknown>({
    name: 'Float64',
    serialize: (value) => toJsonValue(value as number),
    parseValue: readNumber,
    parseLiteral: literal(readNumber),
  }),
  Column: new GraphQLScalarType<never, Column>({
    name: 'Column',
    serialize: (values) => new Column(values as ArrayLike<number>),
    parseValue: () => {
      throw new GraphQLError('a column is an answer, not an argument');
    },
  }),
  Long: new GraphQLScalarType<number, number>({
    name: 'Long',
    serialize: readWhole,
    parseValue: readWhole,
    parseLiteral: literal(readWhole),
  }),
  Time: new GraphQLScalarType<number, number>({
    name: 'Time',
    serialize: readWhole,
    parseValue: readWhole,
    parseLiteral: literal(readWhole),
  }),
  JSON: new GraphQLScalarType<unknown, unknown>({
    name: 'JSON',
    serialize: (value) => value,
    parseValue: (value) => value,
  }),
};
