import type { ReactElement } from 'react';
import { Link } from 'react-router';
import { useNow } from '../data/clock.js';
import { FileLink } from './file-link.js';
import type { LoggedModelFragment } from '../generated/questions.js';
import { formatAgo, formatBytes, formatNumber, formatParam } from '../format/format.js';

const filesShownMax = 5;

function Files(props: { files: LoggedModelFragment['files'] }): ReactElement {
  if (props.files.length === 0) return <span className="faint">–</span>;
  const rest = props.files.slice(filesShownMax);
  const list = (files: LoggedModelFragment['files']): ReactElement[] =>
    files.map((file) => (
      <li key={file.path}>
        <FileLink url={file.url} name={file.path.split('/').at(-1) ?? file.path}>
          {file.path}
        </FileLink>{' '}
        <span className="faint small">{formatBytes(file.sizeBytes)}</span>
      </li>
    ));
  return (
    <>
      <ul className="plain-list">{list(props.files.slice(0, filesShownMax))}</ul>
      {rest.length > 0 && (
        <details>
          <summary className="dim small">{rest.length} more</summary>
          <ul className="plain-list">{list(rest)}</ul>
        </details>
      )}
    </>
  );
}

/** Logged models: what they were made with, what was measured of them, their files. */
export function ModelTable(props: { models: readonly LoggedModelFragment[]; testId: string }): ReactElement {
  const now = useNow();
  return (
    <div className="card table-card">
      <table className="tall-rows" data-testid={props.testId}>
        <thead>
          <tr>
            <th>Name</th>
            <th>Type</th>
            <th>Status</th>
            <th>Run</th>
            <th>Params</th>
            <th>Metrics</th>
            <th>Files</th>
            <th className="num">Made</th>
          </tr>
        </thead>
        <tbody>
          {props.models.map((model) => (
            <tr key={model.id}>
              <td title={model.id}>{model.name}</td>
              <td className="dim">{model.modelType ?? '–'}</td>
              <td>{model.status.toLowerCase()}</td>
              <td>
                {model.run === null ? (
                  <span className="faint">–</span>
                ) : (
                  <Link to={`/runs/${encodeURIComponent(model.run.id)}`}>{model.run.name}</Link>
                )}
              </td>
              <td className="mono small">
                {model.params.map(({ key, value }) => `${key} = ${formatParam(value)}`).join(', ')}
              </td>
              <td className="mono small">
                {model.metrics
                  .map(
                    ({ key, value, datasetName }) =>
                      `${key} ${formatNumber(value)}${datasetName === null ? '' : ` on ${datasetName}`}`,
                  )
                  .join(', ')}
              </td>
              <td className="small">
                <Files files={model.files} />
              </td>
              <td className="num dim nowrap">{formatAgo(model.createdAt, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
