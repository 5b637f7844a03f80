import { All, Controller, Inject, type OnApplicationShutdown, type OnModuleInit, Req, Res } from '@nestjs/common';
import { ApolloServer, HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GraphQLError } from 'graphql';
import { Rejection } from '#libs/domain/rejection.js';
import { queryBounds, type Bodies } from '../http/bodies.js';
import { BODIES, GATEWAY } from '../tokens.js';
import { asksForColumns, columnsType, writeColumns } from './column-answer.js';
import { createGatewayContext, type RequestContext } from './gateway-context.js';
import type { Gateway } from './gateway.js';
import { toGraphQLError } from './gateway-schema.js';
import { stringify } from './stringify.js';
import { readDocument } from './read-document.js';

@Controller('graphql')
export class GraphqlController implements OnModuleInit, OnApplicationShutdown {
  private readonly apollo: ApolloServer<RequestContext>;

  constructor(
    @Inject(GATEWAY) private readonly gateway: Gateway,
    @Inject(BODIES) private readonly bodies: Bodies,
  ) {
    const { schema, logger } = gateway;
    this.apollo = new ApolloServer<RequestContext>({
      schema,
      introspection: true,
      csrfPrevention: true,
      includeStacktraceInErrorResponses: false,
      // its handlers would end the process before anything else is closed
      stopOnTerminationSignals: false,
      formatError: (formatted, thrown) =>
        toGraphQLError(formatted, thrown, (error) => logger.error('graphql failed', { error })),
      // each document is read with its variables, below
      persistedQueries: false,
      // it would follow every field of every answer
      plugins: [ApolloServerPluginCacheControlDisabled(), columnAnswers],
      stringifyResult: (result) => stringify(result),
    });
  }

  async onModuleInit(): Promise<void> {
    await this.apollo.start();
  }
  // not before the requests that run have ended
  async onApplicationShutdown(): Promise<void> {
    await this.apollo.stop();
  }

  @All()
  async handle(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const headers = new HeaderMap();
    for (const [name, value] of Object.entries(request.headers)) {
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
    const search = /\?.*$/s.exec(request.url)?.[0] ?? '';
    const body =
      request.method === 'POST' ? await this.bodies.use(request.raw, queryBounds, (each) => each.json()) : undefined;
    const refusals = this.refusals(body ?? Object.fromEntries(new URLSearchParams(search)));
    if (refusals.length > 0) {
      const errors = refusals.map((error) => toGraphQLError(error.toJSON(), error, () => {}));
      await reply.status(400).send({ errors });
      return;
    }
    const gone = new AbortController();
    reply.raw.on('close', () => {
      if (!reply.raw.writableFinished) gone.abort();
    });
    const context: RequestContext = {
      ...createGatewayContext(this.gateway, gone.signal),
      columns: asksForColumns(request.headers.accept) ? {} : null,
    };
    if (context.columns) headers.set('accept', 'application/json');
    const response = await this.apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: request.method,
        headers,
        search,
        body,
      },
      context: () => Promise.resolve(context),
    });
    for (const [name, value] of response.headers) void reply.header(name, value);
    void reply.status(response.status ?? 200);
    if (context.columns?.answer) {
      await reply.header('content-type', columnsType).send(context.columns.answer);
      return;
    }
    if (response.body.kind === 'complete') {
      await reply.send(response.body.string);
      return;
    }
    throw new Rejection('INVALID_ARGUMENT', 'incremental delivery is not offered; use a subscription');
  }

  /** What is wrong with the document itself; a request without one is Apollo's to refuse. */
  private refusals(asked: unknown): readonly GraphQLError[] {
    const { query, variables } = (asked ?? {}) as { query?: unknown; variables?: unknown };
    if (typeof query !== 'string') return [];
    const read = readDocument(this.gateway.schema, query, variablesOf(variables));
    return 'errors' in read ? read.errors : [];
  }
}

/** Takes an answer away before it is written as JSON, from those who ask for its columns. */
const columnAnswers: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () =>
    Promise.resolve({
      willSendResponse: async ({ contextValue, response: { body } }) => {
        if (!contextValue.columns || body.kind !== 'single') return;
        contextValue.columns.answer = await writeColumns(body.singleResult);
        body.singleResult = {};
      },
    }),
};

/** Of variables in an address, and in a body. */
function variablesOf(given: unknown): Readonly<Record<string, unknown>> {
  const value: unknown = typeof given === 'string' ? tryJson(given) : given;
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Apollo says what is wrong with it
  }
}
