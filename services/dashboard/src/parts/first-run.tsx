import type { ReactElement } from 'react';

export function FirstRun(props: { project: string }): ReactElement {
  const code = [
    'import runstream',
    `run = runstream.init(project=${JSON.stringify(props.project)})`,
    'run.log({"loss": 0.3, "acc": 0.9})',
  ].join('\n');
  return (
    <section className="first-run" data-testid="first-run">
      <h2>No runs yet</h2>
      <p className="dim">Three lines in a training script; the run appears here as soon as it starts.</p>
      <pre tabIndex={0} aria-label="Code to log a first run">
        {code}
      </pre>
      <p className="faint small">
        Or <code>npm run demo</code> beside the server: a real training on 8 ranks. Set{' '}
        <code>RUNSTREAM_URL={location.origin}</code> when it runs on another machine.
      </p>
    </section>
  );
}
