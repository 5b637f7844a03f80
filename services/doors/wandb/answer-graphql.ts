import { execute, GraphQLError, validate, specifiedRules, type ExecutionResult } from 'graphql';
import { isObject } from '#libs/domain/plain-json.js';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import type { Call } from './call.js';
import { lenientDocument, lenientVariables, type OnUnknown } from './lenient-document.js';
import { resolvers } from './resolvers.js';
import { wandbSchema } from './schema.js';

/** One operation. What the caller must try again later, or what is our own fault, is thrown; everything else is told in the answer. */
export async function answerGraphql(body: unknown, call: Call, onUnknown: OnUnknown): Promise<ExecutionResult> {
  const { query, variables, operationName } = isObject(body) ? body : {};
  if (typeof query !== 'string') throw new Rejection('INVALID_ARGUMENT', 'query: must be a text', 'query');
  const given = isObject(variables) ? variables : {};
  let result: ExecutionResult;
  try {
    const document = lenientDocument(wandbSchema, query, onUnknown);
    const errors = validate(wandbSchema, document, specifiedRules);
    if (errors.length > 0) return { errors };
    result = await execute({
      schema: wandbSchema,
      document,
      rootValue: resolvers,
      contextValue: call,
      variableValues: lenientVariables(wandbSchema, document, given, onUnknown),
      // clients say "" where they mean the only one
      operationName: typeof operationName === 'string' && operationName !== '' ? operationName : null,
    });
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [error] };
    if (error instanceof RangeError) return { errors: [new GraphQLError('the document is nested too deeply')] };
    throw error;
  }
  for (const { originalError } of result.errors ?? []) {
    if (!originalError || originalError instanceof GraphQLError) continue;
    const later =
      originalError instanceof Rejection &&
      ['LIMIT_EXCEEDED', 'STALE_POSITION', 'NO_SPACE'].includes(originalError.code);
    if (originalError instanceof Unavailable || later || !(originalError instanceof Rejection)) throw originalError;
  }
  return result;
}
