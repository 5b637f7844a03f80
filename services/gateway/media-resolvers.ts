import type { StoredMedia } from '#libs/metrics/metric-store.js';
import type { RunResolvers } from './generated/resolver-types.js';
import { within } from './pages.js';

const mediaPageMax = 1_000;

/** Values of a run that are no numbers. */
export const mediaResolvers: Pick<Required<RunResolvers>, 'media' | 'mediaKeys'> = {
  mediaKeys: async (run, _, { metrics, signal }) =>
    (await metrics.mediaKeys(run.id, signal)).map(({ steps, ranks, ...key }) => ({
      ...key,
      steps: [...steps],
      ranks: [...ranks],
    })),
  media: async (run, { keys, ranks, from, to, after, first }, { metrics, signal }) => {
    const page = await metrics.media(
      {
        run: run.id,
        keys: keys ?? undefined,
        ranks: ranks ?? undefined,
        from: from ?? undefined,
        to: to ?? undefined,
        after: after ?? undefined,
        first: within('first', first, 100, mediaPageMax),
      },
      signal,
    );
    return { ...page, values: page.values.map(mediaOf) };
  },
};

const mediaOf = ({ timeMs, data, digest, text, ...media }: StoredMedia) => ({
  ...media,
  time: timeMs,
  text: data === '' && digest === '' ? text : null,
  url: digest !== '' ? `/v1/artifacts/${digest}` : data !== '' ? `data:${safeMime(media.mime)};base64,${data}` : null,
  digest: digest === '' ? null : digest,
});

/** A name of a media type and nothing that goes on behind it. */
const safeMime = (mime: string): string => (/^[a-z]+\/[a-z0-9.+-]+$/i.test(mime) ? mime : 'application/octet-stream');
