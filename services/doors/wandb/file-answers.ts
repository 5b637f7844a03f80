import type { Call } from './call.js';
import { dateOf, type KnownRun } from './known-run.js';

/** Files of a run, those that are asked for. */
export async function fileAnswers(
  { world, run }: KnownRun,
  asked: { names?: readonly (string | null)[]; after?: string; first?: number; pattern?: string },
  call: Call,
) {
  const { id } = run.state;
  const names = (asked.names ?? []).filter((name): name is string => name !== null);
  const like = asked.pattern ? likePattern(asked.pattern) : null;
  const all = (await call.files.list(world, id)).filter(
    ({ name }) => (names.length === 0 || names.includes(name)) && (like?.test(name) ?? true),
  );
  const from = asked.after ? Number(asked.after) + 1 || 0 : 0;
  const page = all.slice(from, from + (asked.first ?? 50));
  const edges = await Promise.all(
    page.map(async ({ name, digest, sizeBytes, mime, loggedAt }, index) => {
      const url = await call.storage.address(call.base, call.keyId, { may: 'get', digest, name });
      return {
        cursor: String(from + index),
        node: {
          __typename: 'File',
          id: `${id}/${name}`,
          name,
          displayName: name,
          url,
          directUrl: url,
          sizeBytes,
          mimetype: mime,
          updatedAt: dateOf(loggedAt),
          digest,
          md5: null,
        },
      };
    }),
  );
  const end = from + page.length;
  return {
    totalCount: all.length,
    pageInfo: { endCursor: page.length > 0 ? String(end - 1) : null, hasNextPage: end < all.length },
    edges,
  };
}

/** SQL's LIKE, which W&B's clients send. */
const likePattern = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .slice(0, 1_000)
      .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('%', '[^]*')
      .replaceAll('_', '.')}$`,
    'u',
  );
