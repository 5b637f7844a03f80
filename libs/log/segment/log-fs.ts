import { constants } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, type FileHandle } from 'node:fs/promises';

/** One open file of the log. Positions are explicit: nothing here depends on a shared file cursor. */
export interface LogFile {
  /** Fills `into` from `position` on; fewer bytes only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all bytes from `position` on, or throws; after a throw any prefix may be in the file. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  datasync(): Promise<void>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** The few operations of a file system that the log stands on, so that tests can crash at each of them. */
export interface LogFs {
  /** `create` makes the file where it is missing; its name is durable only after `syncDirectory`. */
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<LogFile>;
  mkdir(path: string): Promise<void>;
  /** Names in a directory; null when there is no such directory. */
  list(path: string): Promise<readonly string[] | null>;
  /** Whole file; null when there is no such file. */
  readText(path: string): Promise<string | null>;
  rename(from: string, to: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

const openFlags = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
} as const;

export const nodeLogFs: LogFs = {
  async open(path, mode) {
    return new NodeLogFile(await open(path, openFlags[mode], 0o644));
  },
  async mkdir(path) {
    await mkdir(path, { recursive: true });
  },
  list: (path) => readdir(path).catch(nullIfMissing),
  readText: (path) => readFile(path, 'utf8').catch(nullIfMissing),
  rename,
  async syncDirectory(path) {
    const handle = await open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

class NodeLogFile implements LogFile {
  constructor(private readonly handle: FileHandle) {}

  async read(into: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const { bytesRead } = await this.handle.read(into, filled, into.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let rest = [...buffers];
    let at = position;
    while (rest.length > 0) {
      const { bytesWritten } = await this.handle.writev(rest, at);
      if (bytesWritten === 0) throw new Error(`wrote 0 bytes at ${at}`);
      at += bytesWritten;
      rest = dropBytes(rest, bytesWritten);
    }
  }

  datasync = (): Promise<void> => this.handle.datasync();
  truncate = (size: number): Promise<void> => this.handle.truncate(size);
  size = async (): Promise<number> => (await this.handle.stat()).size;
  close = (): Promise<void> => this.handle.close();
}

// a short write (a signal, the last free block of a disk) continues where it stopped; the error then comes by itself
function dropBytes(buffers: Uint8Array[], count: number): Uint8Array[] {
  let skip = 0;
  let left = count;
  while (skip < buffers.length && left >= buffers[skip]!.length) left -= buffers[skip++]!.length;
  const rest = buffers.slice(skip);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

export const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

function nullIfMissing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}
