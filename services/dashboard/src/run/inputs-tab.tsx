import type { ReactElement } from 'react';
import { InputsDocument, type RunHeadFragment, type RunInputsFragment } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { ModelTable } from '../parts/model-table.js';
import { Answered } from '../parts/answered.js';
import { Empty } from '../parts/notice.js';

/** Schema and profile are mostly JSON: laid out where they are. */
function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function More(props: { title: string; text: string | null }): ReactElement | null {
  if (props.text === null) return null;
  return (
    <details>
      <summary>{props.title}</summary>
      <pre className="span-value">{laidOut(props.text)}</pre>
    </details>
  );
}

function Datasets(props: { inputs: RunInputsFragment['inputs'] }): ReactElement {
  return (
    <section aria-label="Data sets">
      <h2 className="section-title">Data sets it read</h2>
      <div className="card table-card">
        <table className="tall-rows" data-testid="datasets">
          <thead>
            <tr>
              <th>Name</th>
              <th>For</th>
              <th>Digest</th>
              <th>Source</th>
              <th>More</th>
            </tr>
          </thead>
          <tbody>
            {props.inputs.map(({ context, dataset }) => (
              <tr key={`${dataset.name} ${dataset.digest}`}>
                <td>{dataset.name}</td>
                <td>{context ?? <span className="faint">–</span>}</td>
                <td className="mono dim">{dataset.digest}</td>
                <td className="mono small wrap">{dataset.source}</td>
                <td className="small">
                  <More title="Schema" text={dataset.schema} />
                  <More title="Profile" text={dataset.profile} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Body(props: { run: RunInputsFragment }): ReactElement {
  const { run } = props;
  if (run.inputs.length + run.modelInputs.length + run.loggedModels.length === 0)
    return (
      <Empty>
        No data sets and no logged models. MLflow’s client logs them: <code>mlflow.log_input(dataset)</code>,{' '}
        <code>mlflow.sklearn.log_model(model)</code>.
      </Empty>
    );
  // the client says of what a run measures that it used it, of its own models as well
  const own = new Set(run.loggedModels.map(({ id }) => id));
  const used = run.modelInputs.filter(({ id }) => !own.has(id));
  return (
    <>
      {run.inputs.length > 0 && <Datasets inputs={run.inputs} />}
      {used.length > 0 && (
        <section aria-label="Models it used">
          <h2 className="section-title">Models it used</h2>
          <ModelTable models={used} testId="models-used" />
        </section>
      )}
      {run.loggedModels.length > 0 && (
        <section aria-label="Models it logged">
          <h2 className="section-title">Models it logged</h2>
          <ModelTable models={run.loggedModels} testId="models-logged" />
        </section>
      )}
    </>
  );
}

export function InputsTab(props: { run: RunHeadFragment }): ReactElement {
  const live = props.run.status === 'RUNNING';
  const asked = useGraph(InputsDocument, { id: props.run.id }, { everyMs: live ? 5_000 : null });
  return (
    <Answered answer={asked.data?.run ?? undefined} trouble={asked.trouble} what="inputs and outputs">
      {(run) => <Body run={run} />}
    </Answered>
  );
}
