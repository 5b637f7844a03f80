import {
  GraphQLError,
  Kind,
  type ASTVisitor,
  type FieldNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
  type ValueNode,
} from 'graphql';

/** What one operation may ask for. Cost: every field 1, times the page sizes it stands under; a chart counts its buckets / 10. */
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
      const measureSet = (set: SelectionSetNode, depth: number, open: ReadonlySet<string>): Size => {
        let cost = 0;
        let deepest = depth;
        for (const selection of set.selections) {
          const size = measure(selection, depth, open);
          cost += size.cost;
          deepest = Math.max(deepest, size.depth);
        }
        return { cost, depth: deepest };
      };
      const measure = (
        selection: SelectionSetNode['selections'][number],
        depth: number,
        open: ReadonlySet<string>,
      ): Size => {
        if (++fields > queryLimits.fieldsMax) return { cost: Infinity, depth };
        switch (selection.kind) {
          case Kind.FIELD: {
            if (selection.name.value.startsWith('__')) return { cost: 1, depth };
            const inner = selection.selectionSet
              ? measureSet(selection.selectionSet, depth + 1, open)
              : { cost: 0, depth };
            return { cost: 1 + rowsOf(selection, given) * inner.cost, depth: inner.depth };
          }
          case Kind.INLINE_FRAGMENT:
            return measureSet(selection.selectionSet, depth, open);
          case Kind.FRAGMENT_SPREAD: {
            const name = selection.name.value;
            const fragment: FragmentDefinitionNode | null | undefined = open.has(name)
              ? null
              : context.getFragment(name);
            return fragment ? measureSet(fragment.selectionSet, depth, new Set([...open, name])) : { cost: 0, depth };
          }
        }
      };
      const { cost, depth } = measureSet(operation.selectionSet, 1, new Set());
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
    },
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

function rowsOf(field: FieldNode, variables: Variables): number {
  const number = (name: string): number | null => {
    const value = field.arguments?.find((argument) => argument.name.value === name)?.value;
    return value ? numberOf(value, variables) : null;
  };
  const buckets = number('buckets');
  if (buckets !== null) return Math.max(1, buckets / 10);
  return Math.max(
    1,
    number('first') ?? number('last') ?? (field.name.value === 'runs' || field.name.value === 'projects' ? 50 : 1),
  );
}

function numberOf(value: ValueNode, variables: Variables): number | null {
  if (value.kind === Kind.INT || value.kind === Kind.FLOAT) return Number(value.value);
  if (value.kind !== Kind.VARIABLE) return null;
  const given = variables[value.name.value];
  return typeof given === 'number' ? given : null;
}
