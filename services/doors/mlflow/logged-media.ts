import { buffer } from 'node:stream/consumers';
import type { ArtifactStat } from '#libs/artifacts/artifact-store.js';
import type { RichKind } from '#libs/domain/event.js';
import { limits } from '#libs/domain/limits.js';
import { mediaEvent } from '../shared/media-event.js';
import { mimeOf } from '../shared/mime.js';
import type { Tenant } from '../shared/tenant.js';
import { mlflowId } from './world.js';

/** What log_image(key, step) calls its files: "+" since 3.11, "%" before. The smaller copy beside it ends in "compressed". */
const keyedImage = /^images\/(.+?)([+%])step\2(-?\d{1,15})\2timestamp\2(\d{1,15})\2[0-9a-f-]{36}\.png$/s;
const compressed = /[+%]compressed\.webp$/;
/** A table of log_table is as large as what it holds; a larger one stays a file. */
const tableBytesMax = 4 * 1024 * 1024;

interface Found {
  readonly key: string;
  readonly kind: RichKind;
  readonly step?: number;
  readonly timeMs?: number;
  /** Of what is told in words; else the value is the file. */
  readonly text?: string;
}

/**
 * Says again, as a value of the run, what log_image, log_figure and log_table have stored as a file of it, so that it is seen where values are
 * seen. The file stays what it is.
 */
export async function tellMedia(world: Tenant, run: string, path: string, stat: ArtifactStat): Promise<void> {
  const found = await foundIn(world, path, stat);
  if (!found) return;
  const held = found.text === undefined ? { mime: mimeOf(path), ...stat } : { mime: 'application/json' };
  const id = mlflowId('media', Buffer.from(`${run}\n${path}\n${stat.digest}`));
  const event = mediaEvent(run, id, { ...found, ...held });
  if (event) await world.log.tell(event);
}

async function foundIn(world: Tenant, path: string, stat: ArtifactStat): Promise<Found | null> {
  const keyed = keyedImage.exec(path);
  if (keyed) {
    const [, key = '', , step = '0', time = '0'] = keyed;
    return { key: key.replaceAll(/[~#]/g, '/'), kind: 'image', step: Number(step), timeMs: Number(time) };
  }
  const mime = mimeOf(path);
  if (mime.startsWith('image/') && !compressed.test(path)) return { key: path, kind: 'figure' };
  if (mime !== 'application/json' || stat.sizeBytes > tableBytesMax) return null;
  const text = tableOf(await buffer(await world.backend.artifactStore.get(stat.digest)));
  return text === null ? null : { key: path, kind: 'table', text };
}

/** The JSON that pandas calls "split", which is how log_table writes it, as a table of ours; null for any other. */
function tableOf(bytes: Buffer): string | null {
  if (bytes[0] !== 0x7b || !bytes.includes('"columns"') || !bytes.includes('"data"')) return null;
  try {
    const { columns, data } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
    const names = Array.isArray(columns) ? columns.map(String) : [];
    const whole = Array.isArray(data) && data.every((row) => Array.isArray(row) && row.length === names.length);
    if (names.length === 0 || !whole) return null;
    const text = JSON.stringify({ columns: names, rows: data });
    return text.length <= limits.richTextCharsMax ? text : null;
  } catch {
    return null;
  }
}
