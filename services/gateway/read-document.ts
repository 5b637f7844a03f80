import { GraphQLError, parse, specifiedRules, validate, visit, type DocumentNode, type GraphQLSchema } from 'graphql';
import { queryLimits, queryLimitsRule } from './query-limits.js';

/** Words and signs of one document: beyond it reading alone would take long. */
const documentTokensMax = 10_000;

export type ReadDocument = { readonly document: DocumentNode } | { readonly errors: readonly GraphQLError[] };

/** Documents that were read before, by their text; those that were not used for the longest go first. A tree takes some 250 bytes a character. */
const known = new WeakMap<GraphQLSchema, { readonly documents: Map<string, ReadDocument>; chars: number }>();
const knownCharsMax = 200_000;
const knownDocumentCharsMax = 10_000;

/** The document of an operation that may run, or why it may not. Nothing in here throws for what somebody wrote. */
export function readDocument(
  schema: GraphQLSchema,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): ReadDocument {
  const read = readOnce(schema, query);
  if ('errors' in read) return read;
  return reading(() => {
    const errors = validate(schema, read.document, [queryLimitsRule(variables)]);
    return errors.length > 0 ? { errors } : read;
  });
}

/** What does not depend on variables. */
function readOnce(schema: GraphQLSchema, query: string): ReadDocument {
  if (query.length > knownDocumentCharsMax) return readText(schema, query);
  let held = known.get(schema);
  if (!held) known.set(schema, (held = { documents: new Map(), chars: 0 }));
  const { documents } = held;
  const before = documents.get(query);
  const read = before ?? readText(schema, query);
  if (!before) held.chars += query.length;
  documents.delete(query);
  documents.set(query, read);
  while (held.chars > knownCharsMax) {
    const oldest = documents.keys().next().value!;
    documents.delete(oldest);
    held.chars -= oldest.length;
  }
  return read;
}

const readText = (schema: GraphQLSchema, query: string): ReadDocument =>
  reading(() => {
    const document = parse(query, { maxTokens: documentTokensMax });
    const long = tooManyFields(document);
    if (long) return { errors: [long] };
    const errors = validate(schema, document, specifiedRules);
    return errors.length > 0 ? { errors } : { document };
  });

function reading(work: () => ReadDocument): ReadDocument {
  try {
    return work();
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
