import type { GraphQLSchema } from 'graphql';
import type { Backend } from '#libs/backend/backend.js';
import type { Instruments } from '#libs/observability/instruments.js';
import type { Logger } from '#libs/observability/logger.js';
import type { EventAcceptor } from '../ingest/accept-events.js';
import type { DoorAuth } from '../http/auth.js';

/** What the gateway's controllers and its socket share. */
export interface Gateway {
  readonly backend: Backend;
  readonly acceptor: EventAcceptor;
  readonly schema: GraphQLSchema;
  readonly auth: DoorAuth;
  readonly authRequired: boolean;
  readonly version: string;
  readonly logger: Logger;
  readonly instruments: Instruments;
}
