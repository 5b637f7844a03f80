import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Rejection } from '#libs/domain/rejection.js';

/** The bytes that a folder of artifacts holds, unfinished uploads included, kept below a limit. */
export class ArtifactSpace {
  private constructor(
    private bytes: number,
    private readonly bytesMax: number,
  ) {}

  static async measure(dir: string, bytesMax: number): Promise<ArtifactSpace> {
    // without a limit nobody needs to know
    return new ArtifactSpace(bytesMax === Infinity ? 0 : await sizeBelow(dir), bytesMax);
  }

  take(bytes: number): void {
    if (this.bytes + bytes > this.bytesMax) {
      throw new Rejection(
        'NO_SPACE',
        `artifacts: all of them together may have ${this.bytesMax} bytes (RUNSTREAM_ARTIFACTS_BYTES_MAX) and ${this.bytes} are taken`,
      );
    }
    this.bytes += bytes;
  }

  give(bytes: number): void {
    this.bytes -= bytes;
  }
}

async function sizeBelow(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
