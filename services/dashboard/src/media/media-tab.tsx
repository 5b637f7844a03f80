import { useState, type ReactElement } from 'react';
import { useGraph } from '../data/use-graph.js';
import { plural } from '../format/format.js';
import { MediaKeysDocument, type RunHeadFragment } from '../generated/questions.js';
import { Answered } from '../parts/answered.js';
import { Empty } from '../parts/notice.js';
import { MediaCard } from './media-card.js';

const liveMs = 2_000;

/** Images, histograms, tables and whatever else a run has logged that is no number. */
export function MediaTab(props: { run: RunHeadFragment }): ReactElement {
  const live = props.run.status === 'RUNNING';
  const asked = useGraph(MediaKeysDocument, { id: props.run.id }, { everyMs: live ? liveMs : null });
  const [search, setSearch] = useState('');
  return (
    <Answered
      answer={asked.data?.run?.mediaKeys}
      trouble={asked.trouble}
      what="media"
      none={
        <>
          No images, tables or histograms. Log one with <code>run.log({'{"samples": runstream.Image(x)}'})</code>, or{' '}
          <code>Histogram</code>, <code>Table</code>, <code>ConfusionMatrix</code>, <code>Audio</code>.
        </>
      }
    >
      {(keys) => {
        const wanted = search.trim().toLowerCase();
        const found = keys.filter(({ key, kind }) => key.toLowerCase().includes(wanted) || kind.startsWith(wanted));
        return (
          <>
            <div className="toolbar">
              <input
                className="field search"
                type="search"
                aria-label="Search media"
                placeholder="Search media"
                data-testid="media-search"
                value={search}
                onChange={(event) => setSearch(event.target.value)}
              />
              <span className="faint small">{plural(found.length, 'key')}</span>
            </div>
            {found.length === 0 && <Empty>None of the {plural(keys.length, 'key')} is called like that.</Empty>}
            <div className="media-grid">
              {found.map((key) => (
                <MediaCard key={key.key} run={props.run.id} of={key} />
              ))}
            </div>
          </>
        );
      }}
    </Answered>
  );
}
