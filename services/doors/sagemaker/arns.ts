import { createHash } from 'node:crypto';
import { invalid } from './read-input.js';

export type ArnKind = 'experiment' | 'experiment-trial' | 'experiment-trial-component' | 'artifact';

/** A number of twelve digits that is the same for a tenant for ever: what AWS calls an account. */
export function accountOf(world: string): string {
  const digits = BigInt(`0x${createHash('sha256').update(`account ${world}`).digest('hex').slice(0, 15)}`);
  return String((digits % 900_000_000_000n) + 100_000_000_000n);
}

export function writeArn(region: string, account: string, kind: ArnKind, name: string): string {
  // names are compared whatever their case, ARNs by their letters
  return `arn:aws:sagemaker:${region}:${account}:${kind}/${keyOf(name)}`;
}

export interface Arn {
  readonly kind: string;
  readonly name: string;
}
export function readArn(text: string): Arn {
  const [, kind, name] = /^arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:([a-z-]+)\/(.+)$/.exec(text) ?? [];
  if (kind === undefined || name === undefined) throw invalid(`'${text}' is not an ARN of SageMaker`);
  return { kind, name };
}

/** What AWS compares names by. */
export const keyOf = (name: string): string => name.toLowerCase();

/** Any text as a name that AWS would take: what other clients of ours wrote is shown so. */
export function validName(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replaceAll(/[^a-zA-Z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return plain.slice(0, 120).replace(/-+$/, '') || 'unnamed';
}

export const seconds = (ms: number): number => ms / 1_000;

/** JSON has no words for these; AWS's clients read them as text. */
export const writeNumber = (value: number): number | string => (Number.isFinite(value) ? value : String(value));
