import { All, Controller, Inject, type OnModuleDestroy, type OnModuleInit, Req, Res } from '@nestjs/common';
import { ApolloServer, HeaderMap } from '@apollo/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { writeExactJson } from '#libs/domain/exact-json.js';
import { Rejection } from '#libs/domain/rejection.js';
import { readBody } from '../ingest/read-body.js';
import { GATEWAY } from '../tokens.js';
import { createGatewayContext, type GatewayContext } from './gateway-context.js';
import type { Gateway } from './gateway.js';
import { toGraphQLError } from './gateway-schema.js';
import { queryLimitsRule } from './query-limits.js';
import { validate } from 'graphql';

const queryBytesMax = 1024 * 1024;

@Controller('graphql')
export class GraphqlController implements OnModuleInit, OnModuleDestroy {
  private readonly apollo: ApolloServer<GatewayContext>;

  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {
    const { schema, logger } = gateway;
    this.apollo = new ApolloServer<GatewayContext>({
      schema,
      introspection: true,
      csrfPrevention: true,
      includeStacktraceInErrorResponses: false,
      stringifyResult: writeExactJson,
      formatError: (formatted, thrown) =>
        toGraphQLError(formatted, thrown, (error) => logger.error('graphql failed', { error })),
      plugins: [
        {
          requestDidStart: async () => ({
            // a validation rule can't see the variables, so the limits are checked once they are known
            didResolveOperation: async ({ document, request }) => {
              const [error] = validate(schema, document, [queryLimitsRule(request.variables ?? {})]);
              if (error) throw error;
            },
          }),
        },
      ],
    });
  }

  async onModuleInit(): Promise<void> {
    await this.apollo.start();
  }
  async onModuleDestroy(): Promise<void> {
    await this.apollo.stop();
  }

  @All()
  async handle(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const headers = new HeaderMap();
    for (const [name, value] of Object.entries(request.headers)) {
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
    const gone = new AbortController();
    reply.raw.on('close', () => gone.abort());
    const response = await this.apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: request.method,
        headers,
        search: new URL(request.url, 'http://localhost').search,
        body: request.method === 'POST' ? await readJson(request) : undefined,
      },
      context: () => Promise.resolve(createGatewayContext(this.gateway, gone.signal)),
    });
    for (const [name, value] of response.headers) void reply.header(name, value);
    void reply.status(response.status ?? 200);
    if (response.body.kind === 'complete') {
      await reply.send(response.body.string);
      return;
    }
    throw new Rejection('INVALID_ARGUMENT', 'incremental delivery is not offered; use a subscription');
  }
}

async function readJson(request: FastifyRequest): Promise<unknown> {
  const body = await readBody(request.raw, queryBytesMax);
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (error) {
    throw new Rejection('INVALID_ARGUMENT', `body: not JSON: ${(error as Error).message}`, 'body');
  }
}
