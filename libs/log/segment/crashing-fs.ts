import { dirname } from 'node:path';
import type { LogFile, LogFs } from './log-fs.js';

type Change = { readonly at: number; readonly bytes: Buffer } | { readonly size: number };

/** A file: what programs see, what is on the disk, and the changes between the two. */
interface Inode {
  seen: Buffer;
  stored: Buffer;
  pending: Change[];
}

/** What goes wrong at the operation with this number (from 1). `part`: how much of a write still happens, of 1. */
export interface Fault {
  readonly operation: number;
  readonly kind: 'crash' | 'EIO' | 'ENOSPC';
  readonly part: number;
}

/** How a crash leaves the disk: of a process (all kept), of the power (unsynced lost), or of the power with some of it kept. */
export type Aftermath = 'kept' | 'lost' | ((chance: () => number) => 'scattered');

/**
 * A disk in memory for tests that distinguishes what was written from what was synced, and that can fail or crash at any single
 * operation that changes something. A failed datasync behaves as on Linux: the pages count as clean and never reach the disk.
 */
export class CrashingDisk implements LogFs {
  operations = 0;
  /** Numbers of the operations that wrote bytes. */
  readonly writes: number[] = [];
  fault: Fault | null = null;
  /** While true every write fails after its first half, and no file can be made. */
  full = false;
  #crashed = false;
  #seen = new Map<string, Inode | 'directory'>();
  #stored = new Map<string, Inode | 'directory'>();

  constructor(private readonly root: string) {}

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<LogFile> {
    let inode = this.#seen.get(path);
    if (inode === undefined) {
      if (this.full && mode === 'create') throw diskFull();
      if (mode !== 'create') throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
      this.#step();
      inode = { seen: Buffer.alloc(0), stored: Buffer.alloc(0), pending: [] };
      this.#seen.set(path, inode);
    }
    if (inode === 'directory') throw new Error(`EISDIR: ${path}`);
    return this.#file(inode);
  }

  async mkdir(path: string): Promise<void> {
    if (this.#seen.has(path)) return;
    this.#step();
    this.#seen.set(path, 'directory');
  }

  async list(path: string): Promise<readonly string[] | null> {
    if (path !== this.root && !this.#seen.has(path)) return null;
    return [...this.#seen.keys()].filter((name) => dirname(name) === path).map((name) => name.slice(path.length + 1));
  }

  async readText(path: string): Promise<string | null> {
    const inode = this.#seen.get(path);
    return inode === undefined || inode === 'directory' ? null : inode.seen.toString('utf8');
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step();
    this.#seen.set(to, this.#seen.get(from)!);
    this.#seen.delete(from);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#step();
    for (const [name, inode] of this.#seen) if (dirname(name) === path) this.#stored.set(name, inode);
    for (const name of this.#stored.keys())
      if (dirname(name) === path && !this.#seen.has(name)) this.#stored.delete(name);
  }

  /** The disk as the next process finds it; this one can't be used any more. */
  after(aftermath: Aftermath, chance: () => number = () => 0): CrashingDisk {
    this.#crashed = true;
    const next = new CrashingDisk(this.root);
    const names = new Map(aftermath === 'kept' ? this.#seen : this.#stored);
    if (typeof aftermath === 'function')
      for (const [name, inode] of this.#seen) if (chance() < 0.5) names.set(name, inode);
    for (const [name, inode] of names) {
      if (inode === 'directory') next.#seen.set(name, inode);
      else if (dirname(name) === this.root || names.has(dirname(name)))
        next.#seen.set(name, leftOver(inode, aftermath, chance));
    }
    next.#stored = new Map(
      aftermath === 'kept'
        ? [...this.#stored].flatMap(([name]) => (next.#seen.has(name) ? [[name, next.#seen.get(name)!]] : []))
        : next.#seen,
    );
    return next;
  }

  #step(): void {
    if (this.#crashed) throw new Error('this disk has crashed');
    this.operations++;
    if (this.fault?.operation !== this.operations) return;
    const { kind } = this.fault;
    if (kind === 'crash') this.#crashed = true;
    throw Object.assign(new Error(`${kind} by order of the test`), { code: kind });
  }

  #file(inode: Inode): LogFile {
    const change = (made: Change): void => {
      inode.seen = apply(inode.seen, made);
      inode.pending.push(made);
    };
    return {
      read: async (into, position) => inode.seen.copy(into, 0, position, position + into.length),
      write: async (buffers, at) => {
        const bytes = Buffer.concat(buffers);
        if (this.full) {
          change({ at, bytes: bytes.subarray(0, bytes.length / 2) });
          throw diskFull();
        }
        const dead = this.#crashed;
        this.writes.push(this.operations + 1);
        try {
          this.#step();
        } catch (error) {
          const part =
            this.fault?.operation === this.operations && !dead ? Math.ceil(this.fault.part * bytes.length) : 0;
          if (part > 0) change({ at, bytes: bytes.subarray(0, part) });
          throw error;
        }
        change({ at, bytes });
      },
      truncate: async (size) => {
        this.#step();
        change({ size });
      },
      datasync: async () => {
        try {
          this.#step();
        } catch (error) {
          if (!this.#crashed) inode.pending = [];
          throw error;
        }
        inode.stored = inode.pending.reduce(apply, inode.stored);
        inode.pending = [];
      },
      size: async () => inode.seen.length,
      close: async () => undefined,
    };
  }
}

const diskFull = (): Error => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

function apply(bytes: Buffer, change: Change): Buffer {
  if ('size' in change) {
    const cut = Buffer.alloc(change.size);
    bytes.copy(cut);
    return cut;
  }
  const out = Buffer.alloc(Math.max(bytes.length, change.at + change.bytes.length));
  bytes.copy(out);
  change.bytes.copy(out, change.at);
  return out;
}

const pageBytes = 32;

function leftOver(inode: Inode, aftermath: Aftermath, chance: () => number): Inode {
  if (aftermath === 'kept')
    return { seen: Buffer.from(inode.seen), stored: Buffer.from(inode.stored), pending: [...inode.pending] };
  let { stored } = inode;
  if (typeof aftermath === 'function') for (const change of inode.pending) stored = scatter(stored, change, chance);
  return { seen: Buffer.from(stored), stored: Buffer.from(stored), pending: [] };
}

// pages reach the disk in any order; the size may be there before the bytes
function scatter(bytes: Buffer, change: Change, chance: () => number): Buffer {
  if ('size' in change) return chance() < 0.5 ? apply(bytes, change) : bytes;
  let out = chance() < 0.5 ? bytes : apply(bytes, { at: change.at + change.bytes.length, bytes: Buffer.alloc(0) });
  for (let at = 0; at < change.bytes.length; at += pageBytes) {
    if (chance() < 0.5) out = apply(out, { at: change.at + at, bytes: change.bytes.subarray(at, at + pageBytes) });
  }
  return out;
}
