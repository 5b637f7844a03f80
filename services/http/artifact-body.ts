import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { Rejection } from '#libs/domain/rejection.js';
import { paced, streamedPace } from './pace.js';

/** The bytes of an artifact as they come, behind those that are kept already; one that is too large is not even begun. */
export function artifactBody(request: IncomingMessage, bytesMax: number, offset = 0): Readable {
  const check = (bytes: number): void => {
    if (bytes > bytesMax)
      throw new Rejection(
        'TOO_LARGE',
        `artifact: it may have ${bytesMax} bytes (RUNSTREAM_ARTIFACT_BYTES_MAX); this one has ${bytes} or more`,
      );
  };
  check(offset + Number(request.headers['content-length'] ?? 0));
  async function* bytes(): AsyncGenerator<Buffer> {
    let arrived = offset;
    for await (const chunk of paced(request, streamedPace)) {
      arrived += chunk.length;
      check(arrived);
      yield chunk;
    }
  }
  return Readable.from(bytes(), { objectMode: false });
}
