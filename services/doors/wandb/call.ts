import type { Gateway } from '../../gateway/gateway.js';
import type { Tenants } from '../shared/tenant.js';
import type { RunFiles } from './run-files.js';
import type { RunStreams } from './run-streams.js';
import type { Storage } from './storage.js';
import type { Upserts } from './upsert-bucket.js';
import type { World } from './world.js';

/** What one request to this door has to work with. */
export interface Call {
  readonly gateway: Gateway;
  readonly tenants: Tenants<World>;
  readonly streams: RunStreams;
  readonly upserts: Upserts;
  readonly files: RunFiles;
  readonly storage: Storage;
  /** Whose key was given; null where none is needed. */
  readonly keyId: string | null;
  /** Which of several clients of one run asks, "" where a run has one. */
  readonly client: string;
  /** The address under which the client reached this door. */
  readonly base: string;
}
