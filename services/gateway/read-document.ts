import { GraphQLError, parse, specifiedRules, validate, visit, type DocumentNode, type GraphQLSchema } from 'graphql';
import { queryLimits, queryLimitsRule } from './query-limits.js';

/** Words and signs of one document: beyond it reading alone would take long. */
const documentTokensMax = 10_000;

export type ReadDocument = { readonly document: DocumentNode } | { readonly errors: readonly GraphQLError[] };

/** The document of an operation that may run, or why it may not. Nothing in here throws for what somebody wrote. */
export function readDocument(
  schema: GraphQLSchema,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): ReadDocument {
  try {
    const document = parse(query, { maxTokens: documentTokensMax });
    const long = tooManyFields(document);
    if (long) return { errors: [long] };
    const errors = validate(schema, document, [...specifiedRules, queryLimitsRule(variables)]);
    return errors.length > 0 ? { errors } : { document };
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [error] };
    // reading follows the document's own nesting
    if (error instanceof RangeError) return { errors: [new GraphQLError('the document is nested too deeply')] };
    throw error;
  }
}

/** Asked before validation, whose work grows with the square of the fields of one selection. */
function tooManyFields(document: DocumentNode): GraphQLError | null {
  let fields = 0;
  visit(document, {
    Field: () => {
      fields++;
    },
  });
  if (fields <= queryLimits.fieldsMax) return null;
  return new GraphQLError(`the document has ${fields} fields; at most ${queryLimits.fieldsMax} are allowed`);
}
