import type { AnyVariables, TypedDocumentNode } from 'urql';

type Definition = TypedDocumentNode['definitions'][number];
type SelectionSet = Extract<Definition, { operation: unknown }>['selectionSet'];
type Selection = SelectionSet['selections'][number];
type Field = Extract<Selection, { alias?: unknown }>;

const withKey = (field: Field, alias: string, key: string): Field => ({
  ...field,
  alias: { ...field.alias!, value: alias },
  arguments: (field.arguments ?? []).map((argument) =>
    argument.name.value === 'key' && 'value' in argument.value
      ? { ...argument, value: { ...argument.value, value: key } as typeof argument.value }
      : argument,
  ),
});

function repeat(set: SelectionSet, name: string, keys: readonly string[]): SelectionSet {
  const selections = set.selections.flatMap((selection): readonly Selection[] => {
    if ('alias' in selection && selection.alias?.value === `${name}0`)
      return keys.map((key, i) => withKey(selection, `${name}${i}`, key));
    if (!('selectionSet' in selection) || selection.selectionSet === undefined) return [selection];
    return [{ ...selection, selectionSet: repeat(selection.selectionSet, name, keys) } as Selection];
  });
  return { ...set, selections };
}

/**
 * The question with its field `m0: f(key: "")` once per key, as m0, m1, …: how many there are is known only here, and GraphQL has no
 * variables for names. So its types know of m0 alone, and `ofKey` reads the others as what m0 is.
 */
export function perKey<Data, Variables extends AnyVariables>(
  question: TypedDocumentNode<Data, Variables>,
  name: string,
  keys: readonly string[],
): TypedDocumentNode<Data, Variables> {
  const definitions = question.definitions.map((definition) =>
    'operation' in definition && 'selectionSet' in definition
      ? { ...definition, selectionSet: repeat(definition.selectionSet, name, keys) }
      : definition,
  );
  return { kind: question.kind, definitions } as TypedDocumentNode<Data, Variables>;
}

/** What was answered for the key at this place of the list. */
export function ofKey<Name extends string, Answer extends Record<`${Name}0`, unknown>>(
  answer: Answer,
  name: Name,
  i: number,
): Answer[`${Name}0`] | undefined {
  return (answer as Record<string, Answer[`${Name}0`]>)[`${name}${i}`];
}
