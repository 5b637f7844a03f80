import {
  GraphQLError,
  isInputObjectType,
  isListType,
  isNonNullType,
  Kind,
  parse,
  typeFromAST,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLInputType,
  type GraphQLSchema,
  type VariableDefinitionNode,
} from 'graphql';
import { isObject } from '#libs/domain/plain-json.js';

/** What a client newer than this schema asks for, in its place: "Run.newField", "UpsertBucketInput.newField". */
export type OnUnknown = (what: string) => void;

/** Words and signs of one document. */
const documentTokensMax = 10_000;

/**
 * The part of a document that this schema knows. A client that is newer asks for fields and sends inputs of which we have not heard:
 * W&B's own server would know them, so the call must not fail for it. Throws a GraphQLError for what is no GraphQL.
 */
export function lenientDocument(schema: GraphQLSchema, source: string, onUnknown: OnUnknown): DocumentNode {
  const types = new TypeInfo(schema);
  const document = parse(source, { maxTokens: documentTokensMax });
  const known = visit(
    document,
    visitWithTypeInfo(types, {
      Field: (node) => {
        const parent = types.getParentType();
        if (types.getFieldDef() || node.name.value === '__typename' || !parent) return undefined;
        onUnknown(`${parent.name}.${node.name.value}`);
        // a whole question or command that we do not have must not look as if it had been answered
        if (parent === schema.getQueryType() || parent === schema.getMutationType())
          throw new GraphQLError(`${node.name.value} is not offered by this server`, { nodes: node });
        return null;
      },
      Argument: (node) => {
        if (types.getArgument()) return undefined;
        onUnknown(`${types.getParentType()?.name ?? '?'}.${types.getFieldDef()?.name ?? '?'}(${node.name.value})`);
        return null;
      },
      ObjectField: (node) => {
        if (types.getInputType()) return undefined;
        const parent = types.getParentInputType();
        onUnknown(`${parent ? String(parent).replaceAll(/[[\]!]/g, '') : '?'}.${node.name.value}`);
        return null;
      },
      InlineFragment: (node) => unknownType(schema, node.typeCondition?.name.value, onUnknown),
      FragmentDefinition: (node) => unknownType(schema, node.typeCondition.name.value, onUnknown),
    }),
  );
  return withoutLeftovers(schema, known);
}

function unknownType(schema: GraphQLSchema, name: string | undefined, onUnknown: OnUnknown): null | undefined {
  if (name === undefined || schema.getType(name)) return undefined;
  onUnknown(name);
  return null;
}

/** What the cuts leave behind: selections of nothing, spreads of fragments that are gone, variables that nobody uses any more. */
function withoutLeftovers(schema: GraphQLSchema, document: DocumentNode): DocumentNode {
  const fragments = new Set(
    document.definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [each.name.value] : [])),
  );
  const used = new Set<string>();
  const shrunk = visit(document, {
    FragmentSpread: (node) => (fragments.has(node.name.value) ? undefined : null),
    SelectionSet: {
      leave: (node) =>
        node.selections.length > 0
          ? undefined
          : { ...node, selections: [{ kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } }] },
    },
    VariableDefinition: (node) => (typeFromAST(schema, node.type as never) ? undefined : null),
  });
  visit(shrunk, {
    Variable: (node, _key, parent) => {
      if ((parent as { kind?: string } | undefined)?.kind !== Kind.VARIABLE_DEFINITION) used.add(node.name.value);
    },
  });
  return visit(shrunk, {
    VariableDefinition: (node: VariableDefinitionNode) => (used.has(node.variable.name.value) ? undefined : null),
  });
}

/** The variables of an operation without the input fields that this schema does not know. */
export function lenientVariables(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Readonly<Record<string, unknown>>,
  onUnknown: OnUnknown,
): Record<string, unknown> {
  const known: Record<string, unknown> = {};
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    for (const { variable, type } of definition.variableDefinitions ?? []) {
      const name = variable.name.value;
      const inputType = typeFromAST(schema, type as never) as GraphQLInputType | undefined;
      if (inputType && Object.hasOwn(variables, name))
        known[name] = lenientInput(inputType, variables[name], onUnknown);
    }
  }
  return known;
}

function lenientInput(type: GraphQLInputType, value: unknown, onUnknown: OnUnknown): unknown {
  if (isNonNullType(type)) return lenientInput(type.ofType, value, onUnknown);
  if (isListType(type) && Array.isArray(value)) return value.map((each) => lenientInput(type.ofType, each, onUnknown));
  if (!isInputObjectType(type) || !isObject(value)) return value;
  const fields = type.getFields();
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => {
      if (Object.hasOwn(fields, name)) return [[name, lenientInput(fields[name]!.type, each, onUnknown)]];
      onUnknown(`${type.name}.${name}`);
      return [];
    }),
  );
}
