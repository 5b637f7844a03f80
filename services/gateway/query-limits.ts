import {
  getNamedType,
  GraphQLError,
  isInterfaceType,
  isObjectType,
  Kind,
  typeFromAST,
  type ASTVisitor,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
  type ValueNode,
} from 'graphql';

/** What one operation may ask for. Cost: every field 1, times the page sizes it stands under, those the schema gives by default included; a chart counts its keys x ranks x buckets / 10. */
export const queryLimits = { depthMax: 12, costMax: 500_000, fieldsMax: 2_000 } as const;

interface Size {
  readonly cost: number;
  readonly depth: number;
}

/** Validation rule: refuses an operation that is too deep or too expensive, before anything runs. */
export function queryLimitsRule(variables: Variables) {
  return (context: ValidationContext): ASTVisitor => ({
    OperationDefinition(operation) {
      let fields = 0;
      const given = { ...defaultsOf(operation), ...variables };
      const schema = context.getSchema();
      const measureSet = (set: SelectionSetNode, on: On, depth: number, open: ReadonlySet<string>): Size => {
        let cost = 0;
        let deepest = depth;
        for (const selection of set.selections) {
          const size = measure(selection, on, depth, open);
          cost += size.cost;
          deepest = Math.max(deepest, size.depth);
        }
        return { cost, depth: deepest };
      };
      const measure = (
        selection: SelectionSetNode['selections'][number],
        on: On,
        depth: number,
        open: ReadonlySet<string>,
      ): Size => {
        if (++fields > queryLimits.fieldsMax) return { cost: Infinity, depth };
        switch (selection.kind) {
          case Kind.FIELD: {
            if (selection.name.value.startsWith('__')) return { cost: 1, depth };
            const field = fieldOf(on, selection);
            const inner = selection.selectionSet
              ? measureSet(selection.selectionSet, field && getNamedType(field.type), depth + 1, open)
              : { cost: 0, depth };
            return { cost: 1 + rowsOf(selection, field, given) * inner.cost, depth: inner.depth };
          }
          case Kind.INLINE_FRAGMENT: {
            const { typeCondition } = selection;
            return measureSet(
              selection.selectionSet,
              typeCondition ? typeFromAST(schema, typeCondition) : on,
              depth,
              open,
            );
          }
          case Kind.FRAGMENT_SPREAD: {
            const name = selection.name.value;
            const fragment: FragmentDefinitionNode | null | undefined = open.has(name)
              ? null
              : context.getFragment(name);
            if (!fragment) return { cost: 0, depth };
            const type = typeFromAST(schema, fragment.typeCondition);
            return measureSet(fragment.selectionSet, type, depth, new Set([...open, name]));
          }
        }
      };
      const { cost, depth } = measureSet(operation.selectionSet, rootOf(schema, operation), 1, new Set());
      if (depth > queryLimits.depthMax) {
        context.reportError(
          new GraphQLError(`the query is ${depth} levels deep; at most ${queryLimits.depthMax} are allowed`, {
            nodes: operation,
          }),
        );
      }
      if (fields > queryLimits.fieldsMax) {
        context.reportError(
          new GraphQLError(
            `the query asks for more than ${queryLimits.fieldsMax} fields, those of its fragments included; ask in several queries`,
            { nodes: operation },
          ),
        );
      } else if (cost > queryLimits.costMax) {
        const hint = 'ask for fewer fields or smaller pages (first, buckets)';
        context.reportError(
          new GraphQLError(`the query costs ${Math.ceil(cost)}; at most ${queryLimits.costMax} is allowed; ${hint}`, {
            nodes: operation,
          }),
        );
      }
      return false;
    },
    FragmentDefinition: () => false,
  });
}

type Variables = Readonly<Record<string, unknown>>;

/** Defaults of the operation's variables: they are asked for as if they had been given. */
function defaultsOf(operation: OperationDefinitionNode): Variables {
  return Object.fromEntries(
    (operation.variableDefinitions ?? []).map(({ variable, defaultValue }) => [
      variable.name.value,
      defaultValue ? numberOf(defaultValue, {}) : null,
    ]),
  );
}

/** The type a selection stands on; undefined where the document asks for what the schema does not have. */
type On = GraphQLNamedType | undefined;

function rootOf(schema: GraphQLSchema, { operation }: OperationDefinitionNode): On {
  return schema.getRootType(operation) ?? undefined;
}

function fieldOf(on: On, node: FieldNode): GraphQLField<unknown, unknown> | undefined {
  return isObjectType(on) || isInterfaceType(on) ? on.getFields()[node.name.value] : undefined;
}

function rowsOf(node: FieldNode, field: GraphQLField<unknown, unknown> | undefined, variables: Variables): number {
  const number = (name: string): number | null => {
    const value = node.arguments?.find((argument) => argument.name.value === name)?.value;
    const given = value ? numberOf(value, variables) : null;
    if (given !== null) return given;
    const standard: unknown = field?.args.find((argument) => argument.name === name)?.defaultValue;
    return typeof standard === 'number' ? standard : null;
  };
  const buckets = number('buckets');
  if (buckets !== null) {
    const length = (name: string): number => lengthOf(node, name, variables);
    return Math.max(1, (length('keys') * length('ranks') * buckets) / 10);
  }
  return Math.max(1, number('first') ?? number('last') ?? lengthOf(node, 'ids', variables));
}

/** Of a list that is given; 1 for anything else. */
function lengthOf(node: FieldNode, name: string, variables: Variables): number {
  const value = node.arguments?.find((argument) => argument.name.value === name)?.value;
  if (value?.kind === Kind.LIST) return Math.max(1, value.values.length);
  const given = value?.kind === Kind.VARIABLE ? variables[value.name.value] : undefined;
  return Array.isArray(given) ? Math.max(1, given.length) : 1;
}

function numberOf(value: ValueNode, variables: Variables): number | null {
  if (value.kind === Kind.INT || value.kind === Kind.FLOAT) return Number(value.value);
  if (value.kind !== Kind.VARIABLE) return null;
  const given = variables[value.name.value];
  return typeof given === 'number' ? given : null;
}
