import { openSync } from 'node:fs';
import { DataType, load, open } from 'ffi-rs';

const call = { createRuleset: 444, addRule: 445, restrictSelf: 446 } as const;
const noNewPrivileges = 38;
const openPathOnly = 0o10000000;
const closeOnExec = 0o2000000;
const readAccess = 1n | 4n | 8n;
const directoryAccess = 8n;
/** Every file access right up to ABI 3. */
const allAccess = 0x7fffn;
const connectTcp = 2n;

/**
 * Linux Landlock: from now on the one pool thread (UV_THREADPOOL_SIZE=1), and every thread it starts, sees only these paths and
 * opens no outbound TCP. Needs no privilege. Resolves to the kernel's ABI, or 0 where there is none: then nothing is closed.
 */
export async function closeThreadIn(paths: { readWrite: readonly string[]; read: readonly string[] }): Promise<number> {
  if (process.platform !== 'linux') return 0;
  open({ library: 'c', path: 'libc.so.6' });
  const abi = syscall([DataType.I64, DataType.I64, DataType.I64, DataType.I64], [call.createRuleset, 0, 0, 1]);
  if (abi < 3) return 0;
  const ruleset = createRuleset(abi);
  for (const path of paths.readWrite) allow(ruleset, path, allAccess);
  for (const path of paths.read) allow(ruleset, path, readAccess);
  const five = [DataType.I64, DataType.I64, DataType.I64, DataType.I64, DataType.I64];
  await onPoolThread('prctl', five, [noNewPrivileges, 1, 0, 0, 0]);
  const result = await onPoolThread(
    'syscall',
    [DataType.I64, DataType.I64, DataType.I64],
    [call.restrictSelf, ruleset, 0],
  );
  if (result < 0) throw new Error('landlock_restrict_self failed');
  return abi;
}

function createRuleset(abi: number): number {
  const attributes = Buffer.alloc(16);
  attributes.writeBigUInt64LE(allAccess, 0);
  attributes.writeBigUInt64LE(abi >= 4 ? connectTcp : 0n, 8);
  const { I64, U8Array } = DataType;
  return syscall([I64, U8Array, I64, I64], [call.createRuleset, attributes, abi >= 4 ? 16 : 8, 0]);
}

function allow(ruleset: number, path: string, access: bigint): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, openPathOnly | closeOnExec);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // e.g. no /etc/localtime: nothing to allow
    throw error;
  }
  const rule = Buffer.alloc(16);
  const add = (rights: bigint): number => {
    rule.writeBigUInt64LE(rights, 0);
    rule.writeInt32LE(descriptor, 8);
    const { I64, U8Array } = DataType;
    return syscall([I64, I64, I64, U8Array, I64], [call.addRule, ruleset, 1, rule, 0]);
  };
  // a rule for a file may not name rights of a directory
  if (add(access) < 0 && add(access & ~directoryAccess & 0x4007n) < 0)
    throw new Error(`landlock_add_rule failed for ${path}`);
}

function syscall(paramsType: DataType[], paramsValue: unknown[]): number {
  return Number(
    load({ library: 'c', funcName: 'syscall', retType: DataType.I64, paramsType, paramsValue: paramsValue }),
  );
}

async function onPoolThread(funcName: string, paramsType: DataType[], paramsValue: number[]): Promise<number> {
  const options = { library: 'c', funcName, retType: DataType.I64, paramsType, paramsValue, runInNewThread: true };
  return Number(await (load as (options: object) => Promise<unknown>)(options));
}
