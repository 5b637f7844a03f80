import { readFileSync } from 'node:fs';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { GraphQLError, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import type { Resolvers } from './generated/resolver-types.js';
import { mutationResolvers } from './mutation-resolvers.js';
import { queryResolvers, serverResolvers } from './query-resolvers.js';
import { modelVersionResolvers, registeredModelResolvers, registryQueries } from './registry-resolvers.js';
import { artifactResolvers, projectResolvers, runResolvers, seriesResolvers } from './run-resolvers.js';
import { scalars } from './scalars.js';
import { subscriptionResolvers } from './subscription-resolvers.js';
import { traceResolvers } from './trace-resolvers.js';
import { trackingQueries } from './tracking-queries.js';
import { trackingResolvers } from './tracking-resolvers.js';

export function createGatewaySchema(): GraphQLSchema {
  const resolvers: Resolvers = {
    ...scalars,
    Query: { ...queryResolvers, ...registryQueries, ...trackingQueries },
    Mutation: mutationResolvers,
    Subscription: subscriptionResolvers,
    Project: projectResolvers,
    Run: runResolvers,
    Series: seriesResolvers,
    Artifact: artifactResolvers,
    RegisteredModel: registeredModelResolvers,
    ModelVersion: modelVersionResolvers,
    ...trackingResolvers,
    Trace: traceResolvers,
    Server: serverResolvers,
  };
  return makeExecutableSchema({
    typeDefs: readFileSync(new URL('./schema.graphql', import.meta.url), 'utf8'),
    resolvers,
  });
}

/** What a GraphQL caller is told: a refusal with its code and field, an outage as retriable, our own fault without detail. */
export function toGraphQLError(
  formatted: GraphQLFormattedError,
  thrown: unknown,
  onInternal: (error: unknown) => void,
): GraphQLFormattedError {
  const cause = thrown instanceof GraphQLError && thrown.originalError ? thrown.originalError : thrown;
  if (cause instanceof Rejection)
    return { ...formatted, message: cause.message, extensions: { code: cause.code, field: cause.field } };
  if (cause instanceof Unavailable)
    return {
      ...formatted,
      message: cause.message,
      extensions: { code: 'UNAVAILABLE', retryAfterMs: cause.retryAfterMs },
    };
  if (cause instanceof GraphQLError)
    return { ...formatted, extensions: { code: formatted.extensions?.['code'] ?? 'BAD_REQUEST' } };
  // the asker went away and its question was stopped: nobody is left to be told
  if (cause instanceof Error && cause.name === 'AbortError')
    return { ...formatted, message: 'cancelled', extensions: { code: 'CANCELLED' } };
  onInternal(cause);
  return { ...formatted, message: 'internal error; the server log says more', extensions: { code: 'INTERNAL' } };
}
