import type { ReactElement } from 'react';
import { Link } from 'react-router';
import { compareAddress, comparedMax } from '../compare/chosen-runs.js';
import { plural } from '../format/format.js';

/** What can be done with the runs that are chosen. */
export function ChosenBar(props: { chosen: ReadonlySet<string>; clear: () => void }): ReactElement {
  const { chosen } = props;
  return (
    <div className="toolbar chosen-bar" role="group" aria-label="Chosen runs">
      <strong>{plural(chosen.size, 'run')} chosen</strong>
      {chosen.size <= comparedMax ? (
        <Link className="button primary" to={compareAddress([...chosen])} data-testid="compare">
          Compare
        </Link>
      ) : (
        <span className="faint small">As many as {comparedMax} can be compared.</span>
      )}
      <button type="button" className="button" onClick={props.clear}>
        Choose none
      </button>
    </div>
  );
}
