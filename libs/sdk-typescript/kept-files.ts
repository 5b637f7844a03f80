import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const pieceBytes = 8 * 1024 * 1024;

/** What is said of a file beside its bytes. */
export interface ArtifactOptions {
  /** What it is called in the run; the file's name when not given. The same name again is a newer version. */
  readonly name?: string;
  /** A word for what it is; "file". */
  readonly type?: string;
  /** Kept as text; nested values become keys with dots. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The training step it belongs to. */
  readonly step?: number;
}

/** Something that has no bytes to keep. */
export class NotAFile extends Error {
  override readonly name = 'NotAFile';
}

/** The size of a file; throws for pipes, sockets, devices and links to nowhere. */
export function sizeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
      throw new NotAFile(`a link to ${readlinkSync(path)}, where nothing is`);
    throw new NotAFile('there is no such file');
  }
  if (found.isFile()) return found.size;
  const kind = found.isFIFO()
    ? 'a pipe'
    : found.isSocket()
      ? 'a socket'
      : found.isDirectory()
        ? 'a folder'
        : 'a device';
  throw new NotAFile(`${kind}, not a file`);
}

/** [path, name] of every file of a folder, in order of name. Links are followed, but not in circles; what can't be read loses only itself. */
export function* filesOf(
  folder: string,
  base: string,
  skipped: (name: string, why: string) => void,
  above: readonly string[] = [realpathSync(folder)],
): Generator<[string, string]> {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    return skipped(base, (error as Error).message);
  }
  for (const name of names) {
    const [path, label] = [join(folder, name), `${base}/${name}`];
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      yield [path, label];
      continue;
    }
    const real = realpathSync(path);
    if (above.includes(real)) skipped(label, 'a link to a folder that it is in');
    else yield* filesOf(path, label, skipped, [...above, real]);
  }
}

/** Copies as many bytes as the file has now, whatever is appended meanwhile; how many. */
export function copyAsItIs(source: string, kept: string): number {
  sizeOf(source);
  const from = openSync(source, 'r');
  try {
    const size = fstatSync(from).size;
    const to = openSync(kept, 'w', 0o600);
    try {
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(size, 1)));
      let done = 0;
      while (done < size) {
        const read = readSync(from, piece, 0, Math.min(piece.length, size - done), done);
        if (read === 0) break; // it has been cut short meanwhile
        for (let written = 0; written < read;) written += writeSync(to, piece, written, read - written);
        done += read;
      }
      return done;
    } catch (error) {
      unlinkSync(kept);
      throw error;
    } finally {
      closeSync(to);
    }
  } finally {
    closeSync(from);
  }
}
