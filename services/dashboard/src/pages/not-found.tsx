import type { ReactElement } from 'react';
import { Link, useRouteError } from 'react-router';

export function NotFound(): ReactElement {
  return (
    <main className="page">
      <h1>Nothing lives at this address</h1>
      <p>
        <Link to="/">All projects and runs</Link>
      </p>
    </main>
  );
}

export function PageFailed(): ReactElement {
  const error = useRouteError();
  return (
    <main className="page" role="alert">
      <h1>This page failed</h1>
      <p className="dim">That is a defect of the page, not of your data.</p>
      <pre className="code">{error instanceof Error ? (error.stack ?? error.message) : String(error)}</pre>
      <p>
        <button type="button" className="button" onClick={() => location.reload()}>
          Load again
        </button>
      </p>
    </main>
  );
}
