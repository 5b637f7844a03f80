import { useEffect, useState, type ReactElement } from 'react';
import { Link, useParams } from 'react-router';
import { useNow } from '../data/clock.js';
import {
  RegisteredModelDocument,
  RegisteredModelsDocument,
  type ModelVersionOfRunFragment,
  type RegisteredModelFragment,
} from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { formatAgo, formatCount, plural } from '../format/format.js';
import { Answered } from '../parts/answered.js';
import { Empty } from '../parts/notice.js';
import { RunStatusBadge } from '../parts/status.js';

export function ModelsPage(): ReactElement {
  const { name } = useParams();
  return name === undefined ? <ModelList /> : <ModelDetail name={name} />;
}

function Aliases(props: { names: readonly string[] }): ReactElement {
  return (
    <span className="chips">
      {props.names.map((alias) => (
        <span className="chip" key={alias}>
          <span className="clip">{alias}</span>
        </span>
      ))}
    </span>
  );
}

function ModelRow(props: { model: RegisteredModelFragment; now: number }): ReactElement {
  const { model, now } = props;
  const latest = model.latestVersion;
  return (
    <tr data-testid={`model-row-${model.name}`}>
      <td className="clip main-cell">
        <Link to={`/models/${encodeURIComponent(model.name)}`}>{model.name}</Link>
      </td>
      <td className="num">{latest ? latest.version : <span className="faint">–</span>}</td>
      <td className="num phone-off">{formatCount(model.versionCount)}</td>
      <td className="phone-off">
        <Aliases names={model.aliases.map(({ alias, version }) => `${alias} → ${version}`)} />
      </td>
      <td className="clip dim phone-off">{model.description}</td>
      <td className="num dim nowrap">{formatAgo(model.updatedAt, now)}</td>
    </tr>
  );
}

function ModelList(): ReactElement {
  const now = useNow();
  const [match, setMatch] = useState('');
  const asked = useGraph(
    RegisteredModelsDocument,
    { match: match.trim() === '' ? null : match.trim() },
    { everyMs: 10_000 },
  );
  useEffect(() => {
    document.title = 'Models · Runstream';
  }, []);
  const found = asked.data?.registeredModels;
  return (
    <main className="page">
      <div className="head">
        <h1>Models</h1>
        <span className="faint">{found && plural(found.totalCount, 'registered model')}</span>
      </div>
      <div className="toolbar">
        <input
          className="field"
          type="search"
          aria-label="Find a model by name"
          placeholder="Find a model"
          value={match}
          onChange={(event) => setMatch(event.target.value)}
        />
      </div>
      <Answered
        answer={found?.nodes}
        trouble={asked.trouble}
        what="models"
        none={
          match.trim() === ''
            ? 'No model is registered yet. Register one from MLflow: mlflow.register_model(model_uri, "name")'
            : 'No model has such a name.'
        }
      >
        {(models) => (
          <div className="card table-card">
            <table data-testid="models">
              <thead>
                <tr>
                  <th>Name</th>
                  <th className="num">Latest</th>
                  <th className="num phone-off">Versions</th>
                  <th className="phone-off">Aliases</th>
                  <th className="phone-off">Description</th>
                  <th className="num">Changed</th>
                </tr>
              </thead>
              <tbody>
                {models.map((model) => (
                  <ModelRow key={model.name} model={model} now={now} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Answered>
    </main>
  );
}

function VersionRow(props: { version: ModelVersionOfRunFragment; now: number }): ReactElement {
  const { version, now } = props;
  const { run } = version;
  return (
    <tr data-testid={`version-row-${version.version}`}>
      <td className="num">{version.version}</td>
      <td>{version.stage === 'None' ? <span className="faint">–</span> : version.stage}</td>
      <td>
        <Aliases names={version.aliases} />
      </td>
      <td className="clip main-cell">
        {run ? (
          <Link to={`/runs/${encodeURIComponent(run.id)}`}>{run.name}</Link>
        ) : (
          <span className="faint">{version.runId === null ? 'no run' : 'its run is gone'}</span>
        )}
      </td>
      <td className="phone-off">{run && <RunStatusBadge status={run.status} reason={null} />}</td>
      <td className="clip dim phone-off mono" title={version.source}>
        {version.source}
      </td>
      <td className="num dim nowrap">{formatAgo(version.createdAt, now)}</td>
    </tr>
  );
}

function ModelDetail(props: { name: string }): ReactElement {
  const { name } = props;
  const now = useNow();
  const asked = useGraph(RegisteredModelDocument, { name }, { everyMs: 10_000 });
  useEffect(() => {
    document.title = `${name} · Models · Runstream`;
  }, [name]);
  const model = asked.data?.registeredModel;
  return (
    <main className="page">
      <div className="head">
        <h1>
          <Link to="/models" className="crumb">
            Models
          </Link>
          <span className="faint"> / </span>
          {name}
        </h1>
        <span className="faint">{model && plural(model.versionCount, 'version')}</span>
      </div>
      <Answered answer={model} trouble={asked.trouble} what="the model" none="No model is registered under this name.">
        {({ description, tags, versions }) => (
          <>
            {description !== '' && <p>{description}</p>}
            {tags.length > 0 && <Aliases names={tags.map(({ key, value }) => `${key}: ${value}`)} />}
            {versions.length === 0 ? (
              <Empty>This model has no version yet.</Empty>
            ) : (
              <div className="card table-card">
                <table data-testid="versions">
                  <thead>
                    <tr>
                      <th className="num">Version</th>
                      <th>Stage</th>
                      <th>Aliases</th>
                      <th>Made by run</th>
                      <th className="phone-off">Run status</th>
                      <th className="phone-off">Source</th>
                      <th className="num">Made</th>
                    </tr>
                  </thead>
                  <tbody>
                    {versions.map((version) => (
                      <VersionRow key={version.version} version={version} now={now} />
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </>
        )}
      </Answered>
    </main>
  );
}
