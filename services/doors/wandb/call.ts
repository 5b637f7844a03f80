import type { Gateway } from '../../gateway/gateway.js';
import type { Tenants } from '../shared/tenant.js';
import type { Alerts } from './alerts.js';
import type { KnownRun } from './known-run.js';
import type { RunFiles } from './run-files.js';
import type { RunStreams } from './run-streams.js';
import type { Storage } from './storage.js';
import type { Upserts } from './upsert-bucket.js';
import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { World } from './world.js';

/** What one request to this door has to work with. */
export interface Call {
  readonly gateway: Gateway;
  readonly tenants: Tenants<World>;
  readonly streams: RunStreams;
  readonly upserts: Upserts;
  readonly files: RunFiles;
  readonly storage: Storage;
  readonly alerts: Alerts;
  readonly artifacts: ArtifactReads;
  /** Whose key was given; null where none is needed. */
  readonly keyId: string | null;
  /** Which of several clients of one run asks, "" where a run has one. */
  readonly client: string;
  /** The address under which the client reached this door. */
  readonly base: string;
}

type Answer = object | null;
interface Asked {
  readonly after?: string | null;
  readonly first?: number | null;
}

interface Listed extends Asked {
  readonly filters?: string | null;
  readonly order?: string | null;
}

/** Artifacts as they are asked for at their project and their run. */
export interface ArtifactReads {
  one(world: World, project: ProjectState, name: string, call: Call): Promise<Answer>;
  membership(world: World, project: ProjectState, name: string, call: Call): Promise<Answer>;
  types(world: World, project: ProjectState, asked: Asked, call: Call): Promise<Answer>;
  type(world: World, project: ProjectState, name: string, call: Call): Promise<Answer>;
  collections(world: World, project: ProjectState, asked: Listed, call: Call): Promise<Answer>;
  collection(world: World, project: ProjectState, name: string, call: Call): Promise<Answer>;
  ofRun(known: KnownRun, kind: 'logged' | 'used', asked: Asked, call: Call): Promise<Answer>;
}
