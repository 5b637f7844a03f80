import { useEffect, useState, type ReactElement } from 'react';
import { Link, useParams } from 'react-router';
import { LoggedModelsDocument, ProjectTitleDocument } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { ModelTable } from '../parts/model-table.js';
import { Pending } from '../parts/answered.js';
import { Empty } from '../parts/notice.js';
import { TraceTable } from '../traces/trace-table.js';
import { FilterBox } from './filter-box.js';
import { NotFound } from './not-found.js';

const refreshMs = 10_000;

function Models(props: { project: string }): ReactElement {
  const [filter, setFilter] = useState('');
  const [after, setAfter] = useState<string | null>(null);
  const wanted = filter.trim() === '' ? null : filter;
  const asked = useGraph(
    LoggedModelsDocument,
    { project: props.project, filter: wanted, after },
    { everyMs: refreshMs },
  );
  const page = asked.data?.loggedModels;
  return (
    <>
      <div className="toolbar">
        <FilterBox
          label="Search logged models"
          example="metrics.acc > 0.9 and params.C = '0.1' and name LIKE '%tree%'"
          value={filter}
          trouble={asked.trouble}
          apply={(next) => (setFilter(next), setAfter(null))}
        />
      </div>
      {/* a refusal stands beside the filter */}
      {page === undefined && (asked.trouble === null || asked.trouble.kind === 'unreachable') && (
        <Pending trouble={asked.trouble} what="models" />
      )}
      {page?.nodes.length === 0 && (
        <Empty>
          {wanted === null ? 'No run of this project has logged a model.' : 'No model matches this search.'}
        </Empty>
      )}
      {page !== undefined && page.nodes.length > 0 && <ModelTable models={page.nodes} testId="logged-models" />}
      {(after !== null || page?.pageInfo.hasNextPage === true) && (
        <p className="centered">
          {after !== null && (
            <button type="button" className="button quiet" onClick={() => setAfter(null)}>
              Newest models
            </button>
          )}
          {page?.pageInfo.hasNextPage === true && (
            <button type="button" className="button quiet" onClick={() => setAfter(page.pageInfo.endCursor)}>
              Older models
            </button>
          )}
        </p>
      )}
    </>
  );
}

/** What a project has beside runs: traces, or models that its runs logged. */
export function ProjectNounsPage(): ReactElement {
  const { name = '', kind } = useParams();
  const asked = useGraph(ProjectTitleDocument, { name });
  const title = asked.data?.project?.title ?? name;
  const word = kind === 'traces' ? 'Traces' : 'Logged models';
  useEffect(() => {
    document.title = `${word} · ${title} · Runstream`;
  }, [word, title]);
  if (kind !== 'traces' && kind !== 'models') return <NotFound />;
  return (
    <main className="page">
      <div className="head">
        <h1>
          <Link to={`/projects/${encodeURIComponent(name)}`} className="crumb">
            {title}
          </Link>
          <span className="faint"> / </span>
          {word}
        </h1>
      </div>
      {kind === 'traces' ? <TraceTable project={name} run={null} live /> : <Models project={name} />}
    </main>
  );
}
