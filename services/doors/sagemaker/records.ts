import { Readable } from 'node:stream';
import type { z } from 'zod';
import type { Backend } from '#libs/backend/backend.js';
import { jsonOf } from '#libs/domain/plain-json.js';
import type { StoredFile } from '#libs/runs/tracking-tables.js';
import type { CommandLog } from '../shared/command-log.js';

const cachedMax = 20_000;
const subject = 'sagemaker-records';

/**
 * What SageMaker knows and Runstream has no noun for (trials, lineage): JSON documents by path. The log says which bytes are at a path,
 * the artifact store has them by their digest, so that what was read once is known for ever.
 */
export class Records {
  private readonly byDigest = new Map<string, unknown>();
  /** Files of a world of their own: no other door lists them. */
  private readonly world: string;

  constructor(
    tenant: string,
    private readonly backend: Backend,
    private readonly log: CommandLog,
  ) {
    this.world = `aws.${tenant}`.slice(0, 64);
  }

  async put(path: string, record: object): Promise<void> {
    const stat = await this.backend.artifactStore.put(Readable.from([Buffer.from(JSON.stringify(record))]));
    const data = { world: this.world, path, ...stat, mime: 'application/json', artifact: '' };
    await this.log.tell({ name: 'FileStored', subject, data });
  }

  async remove(path: string): Promise<void> {
    await this.log.tell({ name: 'FileRemoved', subject, data: { world: this.world, path, artifact: '' } });
  }

  async get<T>(shape: z.ZodType<T>, path: string): Promise<T | null> {
    await this.log.subjectsSettled([subject]);
    const file = await this.backend.tracking.files.file(this.world, path);
    return file && this.read(shape, file);
  }

  /** All below a folder, by path. */
  async list<T>(shape: z.ZodType<T>, folder: string): Promise<readonly T[]> {
    await this.log.subjectsSettled([subject]);
    const records: T[] = [];
    for (const file of await this.backend.tracking.files.below(this.world, folder))
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
