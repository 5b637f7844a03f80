import { useEffect, type ReactElement } from 'react';
import { Link } from 'react-router';
import { useNow } from '../data/clock.js';
import {
  ProjectsDocument,
  RecentRunsDocument,
  RunCountDocument,
  type ProjectFragment,
  type RunStateFragment,
} from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { useRunChanges } from '../data/use-run-changes.js';
import { formatAgo, formatCount, formatDuration, nameOf, plural } from '../format/format.js';
import { FirstRun } from '../parts/first-run.js';
import { Pending } from '../parts/answered.js';
import { durationOf } from '../parts/run-duration.js';
import { RunStatusBadge } from '../parts/status.js';

const nothing = {};
const recentMax = 30;

function ProjectRow(props: { project: ProjectFragment; now: number }): ReactElement {
  const { project } = props;
  return (
    <tr>
      <td className="clip main-cell">
        <Link to={`/projects/${encodeURIComponent(project.name)}`} title={project.title}>
          {project.title}
        </Link>
      </td>
      <td className="num">{formatCount(project.runCount)}</td>
      <td className="num">
        {project.activeRunCount > 0 ? (
          <span className="badge live">
            <i aria-hidden="true" />
            {project.activeRunCount}
          </span>
        ) : (
          <span className="faint">–</span>
        )}
      </td>
      <td className="num dim nowrap">{formatAgo(project.lastActivityAt, props.now)}</td>
    </tr>
  );
}

function RecentRow(props: { run: RunStateFragment; now: number }): ReactElement {
  const { run, now } = props;
  const durationMs = durationOf(run, now);
  return (
    <tr data-testid={`run-row-${run.id}`}>
      <td>
        <RunStatusBadge status={run.status} reason={run.statusReason} />
      </td>
      <td className="clip main-cell">
        <Link to={`/runs/${encodeURIComponent(run.id)}`} title={nameOf(run)}>
          {nameOf(run)}
        </Link>
      </td>
      <td className="clip phone-off">
        <Link className="dim" to={`/projects/${encodeURIComponent(run.project)}`} title={run.project}>
          {run.project}
        </Link>
      </td>
      <td className="clip dim phone-off">{run.user ?? '–'}</td>
      <td className="num dim phone-off">{run.worldSize}</td>
      <td className="num dim nowrap">{formatAgo(run.startedAt, now)}</td>
      <td className="num nowrap phone-off">{formatDuration(durationMs)}</td>
    </tr>
  );
}

/** Runs that the subscription told of come first when the question did not know them yet. */
function withChanges(
  asked: readonly RunStateFragment[],
  changes: ReadonlyMap<string, RunStateFragment>,
): RunStateFragment[] {
  const known = new Map(asked.map((run) => [run.id, run]));
  for (const [id, run] of changes) if (!run.archived) known.set(id, run);
  return [...known.values()].sort((a, b) => b.startedAt - a.startedAt).slice(0, recentMax);
}

export function HomePage(): ReactElement {
  const now = useNow();
  const projects = useGraph(ProjectsDocument, nothing, { everyMs: 10_000 });
  const recent = useGraph(RecentRunsDocument, nothing, { everyMs: 30_000 });
  const count = useGraph(RunCountDocument, nothing, { everyMs: 30_000 }).data?.runGroups.runCount;
  const changes = useRunChanges(null, recent.data?.position);
  useEffect(() => {
    document.title = 'Runstream';
  }, []);
  const runs = recent.data === undefined ? null : withChanges(recent.data.runs.nodes, changes);
  const trouble = recent.trouble ?? projects.trouble;
  if (runs === null || projects.data === undefined) {
    return (
      <main className="page">
        <Pending trouble={trouble} what="projects and runs" />
      </main>
    );
  }
  const list = projects.data.projects;
  if (runs.length === 0 && list.nodes.length === 0) {
    return (
      <main className="page">
        <FirstRun project="my-first-project" />
      </main>
    );
  }
  return (
    <main className="page home">
      <section aria-labelledby="projects-title">
        <div className="head">
          <h1 id="projects-title">Projects</h1>
          <span className="faint">{plural(list.totalCount, 'project')}</span>
        </div>
        <div className="card table-card">
          <table data-testid="projects">
            <thead>
              <tr>
                <th>Name</th>
                <th className="num">Runs</th>
                <th className="num">Live</th>
                <th className="num">Active</th>
              </tr>
            </thead>
            <tbody>
              {list.nodes.map((project) => (
                <ProjectRow key={project.name} project={project} now={now} />
              ))}
            </tbody>
          </table>
        </div>
      </section>
      <section aria-labelledby="runs-title">
        <div className="head">
          <h1 id="runs-title">Recent runs</h1>
          <span className="faint">{count !== undefined && `${formatCount(count)} in all`}</span>
        </div>
        <div className="card table-card">
          <table className="fixed" data-testid="recent-runs">
            <colgroup>
              <col style={{ width: 104 }} />
              <col />
              <col className="phone-off" style={{ width: '24%' }} />
              <col className="phone-off" style={{ width: 96 }} />
              <col className="phone-off" style={{ width: 70 }} />
              <col style={{ width: 100 }} />
              <col className="phone-off" style={{ width: 92 }} />
            </colgroup>
            <thead>
              <tr>
                <th>Status</th>
                <th>Name</th>
                <th className="phone-off">Project</th>
                <th className="phone-off">User</th>
                <th className="num phone-off">Ranks</th>
                <th className="num">Started</th>
                <th className="num phone-off">Duration</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <RecentRow key={run.id} run={run} now={now} />
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </main>
  );
}
