import { Readable } from 'node:stream';
import type { z } from 'zod';
import type { Backend } from '#libs/backend/backend.js';
import { jsonOf } from '#libs/domain/plain-json.js';
import type { StoredFile } from '#libs/runs/tracking-tables.js';
import type { CommandLog } from './command-log.js';

const cachedMax = 20_000;

/** Where a door keeps its records. */
export interface RecordsPlace {
  /** A world of files of its own: no other door lists them. */
  readonly world: string;
  /** Under which the log has what is said of them. */
  readonly subject: string;
}

/**
 * What a client knows and Runstream has no noun for: JSON documents by path. The log says which bytes are at a path, the artifact store
 * has them by their digest, so that what was read once is known for ever.
 */
export class Records {
  private readonly byDigest = new Map<string, unknown>();

  constructor(
    private readonly place: RecordsPlace,
    private readonly backend: Backend,
    private readonly log: CommandLog,
  ) {}

  async put(path: string, record: object): Promise<void> {
    const stat = await this.backend.artifactStore.put(Readable.from([Buffer.from(JSON.stringify(record))]));
    const { world, subject } = this.place;
    const data = { world, path, ...stat, mime: 'application/json', artifact: '' };
    await this.log.tell({ name: 'FileStored', subject, data });
  }

  async remove(path: string): Promise<void> {
    const { world, subject } = this.place;
    await this.log.tell({ name: 'FileRemoved', subject, data: { world, path, artifact: '' } });
  }

  async get<T>(shape: z.ZodType<T>, path: string): Promise<T | null> {
    await this.log.subjectsSettled([this.place.subject]);
    const file = await this.backend.tracking.files.file(this.place.world, path);
    return file && this.read(shape, file);
  }

  /** All below a folder, by path. */
  async list<T>(shape: z.ZodType<T>, folder: string): Promise<readonly T[]> {
    await this.log.subjectsSettled([this.place.subject]);
    const records: T[] = [];
    for (const file of await this.backend.tracking.files.below(this.place.world, folder))
      records.push(await this.read(shape, file));
    return records;
  }

  private async read<T>(shape: z.ZodType<T>, { digest, path }: StoredFile): Promise<T> {
    let json = this.byDigest.get(digest);
    if (json === undefined) {
      const chunks: Buffer[] = [];
      for await (const chunk of await this.backend.artifactStore.get(digest)) chunks.push(chunk as Buffer);
      json = jsonOf(Buffer.concat(chunks).toString('utf8'));
      if (this.byDigest.size > cachedMax) this.byDigest.clear();
      this.byDigest.set(digest, json);
    }
    const parsed = shape.safeParse(json);
    if (parsed.success) return parsed.data;
    throw new Error(`the record ${path} can't be read: ${parsed.error.message.slice(0, 500)}`);
  }
}
