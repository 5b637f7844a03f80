import type { SageMakerWorld } from './world.js';

/** What a call knows beside its input. */
export interface Call {
  readonly world: SageMakerWorld;
  readonly region: string;
  /** Who asks: the id of a key, or an address. */
  readonly caller: string;
  /** The same for all tries of one call; "" where the client does not say. */
  readonly invocation: string;
  readonly arnOf: (
    kind: 'experiment' | 'experiment-trial' | 'experiment-trial-component' | 'artifact',
    name: string,
  ) => string;
}
export type Answer = Readonly<Record<string, unknown>>;

/** Who did something, and when. */
export interface Stamp {
  readonly at: number;
  readonly by: string;
}
export const stampOf = ({ world, caller }: Call): Stamp => ({ at: world.backend.clock(), by: caller });
export const stillSaid = (call: Call): string =>
  call.invocation === '' ? call.world.backend.newId() : call.invocation;

/** Who did it, as AWS says it. */
export const writeUser = ({ world }: Call, by: string): Answer => ({
  IamIdentity: { Arn: `arn:aws:iam::${world.account}:user/${by || 'runstream'}`, PrincipalId: by || 'runstream' },
});
