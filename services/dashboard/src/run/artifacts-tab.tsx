import type { ReactElement } from 'react';
import { Link } from 'react-router';
import { useNow } from '../data/clock.js';
import {
  ArtifactsDocument,
  ModelVersionsDocument,
  type ArtifactFragment,
  type RunHeadFragment,
} from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { formatAgo, formatBytes, formatCount } from '../format/format.js';
import { Answered } from '../parts/answered.js';
import { FileLink } from '../parts/file-link.js';
import { Empty } from '../parts/notice.js';

function RunLinks(props: { runs: readonly string[] }): ReactElement {
  if (props.runs.length === 0) return <span className="faint">–</span>;
  return (
    <span className="run-links">
      {props.runs.map((run) => (
        <Link key={run} to={`/runs/${encodeURIComponent(run)}`}>
          {run}
        </Link>
      ))}
    </span>
  );
}

function ArtifactTable(props: {
  title: string;
  artifacts: readonly ArtifactFragment[];
  used: boolean;
  testId: string;
}): ReactElement {
  const now = useNow();
  return (
    <section aria-label={props.title}>
      <h2 className="section-title">{props.title}</h2>
      <div className="card table-card">
        <table data-testid={props.testId}>
          <thead>
            <tr>
              <th>Name</th>
              <th>Type</th>
              <th className="num">Size</th>
              <th className="num">Step</th>
              <th className="num">Logged</th>
              <th>Digest</th>
              <th>{props.used ? 'Logged by' : 'Used by'}</th>
            </tr>
          </thead>
          <tbody>
            {props.artifacts.map((artifact) => (
              <tr key={`${artifact.run}/${artifact.name}/${artifact.digest}/${artifact.loggedAt}`}>
                <td>
                  <FileLink url={artifact.url} name={artifact.name.split('/').at(-1) ?? artifact.name}>
                    {artifact.name}
                  </FileLink>
                </td>
                <td className="dim">{artifact.type}</td>
                <td className="num nowrap">{formatBytes(artifact.sizeBytes)}</td>
                <td className="num">{artifact.step === null ? '–' : formatCount(artifact.step)}</td>
                <td className="num dim nowrap">{formatAgo(artifact.loggedAt, now)}</td>
                <td className="mono dim" title={artifact.digest}>
                  {artifact.digest.replace(/^sha256:/, '').slice(0, 12)}
                </td>
                <td>
                  <RunLinks runs={props.used ? [artifact.run] : artifact.usedBy} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Which versions of registered models the run has made. */
function RegisteredAs(props: { run: string }): ReactElement | null {
  const asked = useGraph(ModelVersionsDocument, { id: props.run });
  const versions = asked.data?.run?.modelVersions ?? [];
  if (versions.length === 0) return null;
  return (
    <section aria-label="Registered models">
      <h2 className="section-title">Registered as</h2>
      <ul className="plain-list" data-testid="registered-as">
        {versions.map(({ name, version, stage, aliases }) => (
          <li key={`${name} ${version}`}>
            <Link to={`/models/${encodeURIComponent(name)}`}>
              {name} version {version}
            </Link>{' '}
            <span className="dim">{[...(stage === 'None' ? [] : [stage]), ...aliases].join(', ')}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function ArtifactsTab(props: { run: RunHeadFragment }): ReactElement {
  const live = props.run.status === 'RUNNING';
  const asked = useGraph(ArtifactsDocument, { id: props.run.id }, { everyMs: live ? 5000 : null });
  return (
    <Answered answer={asked.data?.run ?? undefined} trouble={asked.trouble} what="artifacts">
      {({ id, artifacts, usedArtifacts }) =>
        artifacts.length + usedArtifacts.length === 0 ? (
          <Empty>
            No artifacts. Log one with <code>run.log_artifact("model.pt", type="model")</code>.
          </Empty>
        ) : (
          <>
            <RegisteredAs run={id} />
            {artifacts.length > 0 && (
              <ArtifactTable title="Logged by this run" artifacts={artifacts} used={false} testId="artifacts" />
            )}
            {usedArtifacts.length > 0 && (
              <ArtifactTable title="Used by this run" artifacts={usedArtifacts} used testId="used-artifacts" />
            )}
          </>
        )
      }
    </Answered>
  );
}
