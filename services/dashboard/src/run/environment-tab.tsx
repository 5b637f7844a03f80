import { Fragment, useState, type ReactElement } from 'react';
import { EnvironmentDocument, type EnvironmentFragment, type RunHeadFragment } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { formatBytes } from '../format/format.js';
import { Answered } from '../parts/answered.js';
import { FileLink } from '../parts/file-link.js';

type Fact = readonly [string, string | null, link?: string];
type Facts = readonly Fact[];

function List(props: { title: string; facts: Facts }): ReactElement | null {
  const known = props.facts.filter(([, value]) => value !== null && value !== '');
  if (known.length === 0) return null;
  return (
    <section className="card pairs">
      <h2>{props.title}</h2>
      <dl className="definition">
        {known.map(([name, value, link]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd className="mono wrap">
              {link === undefined ? (
                value
              ) : (
                <FileLink url={link} name={value ?? name}>
                  {value}
                </FileLink>
              )}
            </dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}

function gpuWords(gpus: readonly string[]): string | null {
  const counts = new Map<string, number>();
  for (const gpu of gpus) counts.set(gpu, (counts.get(gpu) ?? 0) + 1);
  return counts.size === 0 ? null : [...counts].map(([gpu, count]) => `${count} × ${gpu}`).join(', ');
}

function Packages(props: { packages: EnvironmentFragment['packages'] }): ReactElement {
  const [search, setSearch] = useState('');
  const shown = props.packages.filter((each) => each.key.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <section className="card pairs">
      <h2>
        Packages <span className="faint small">{props.packages.length}</span>
      </h2>
      <input
        className="field"
        type="search"
        placeholder="Search packages"
        aria-label="Search packages"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <ul className="packages mono">
        {shown.map((each) => (
          <li key={each.key}>
            {each.key} <span className="dim">{each.value}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Body(props: { env: EnvironmentFragment }): ReactElement {
  const { env } = props;
  const dirty = env.gitDirty === null ? null : env.gitDirty ? 'uncommitted changes' : 'clean';
  return (
    <section aria-label="Environment" className="env" data-testid="environment">
      {env.command !== null && env.command !== '' && (
        <pre className="code" tabIndex={0} aria-label="Command">
          <span className="faint" aria-hidden="true">
            ${' '}
          </span>
          {env.command}
        </pre>
      )}
      <div className="halves">
        <List
          title="Code"
          facts={[
            ['Commit', env.gitCommit],
            ['Branch', env.gitBranch],
            ['State', dirty],
            ['Changes', env.gitDiff === null ? null : 'diff.patch', `/v1/artifacts/${env.gitDiff}?name=diff.patch`],
            ['Remote', env.gitRemote],
            ['Folder', env.cwd],
            ['Launcher', env.launcher],
            ...env.seeds.map((seed) => [`Seed ${seed.key}`, seed.value] as const),
          ]}
        />
        <List
          title="Machine"
          facts={[
            ['Host', env.host],
            ['User', env.user],
            ['System', env.os],
            ['Runtime', env.runtime],
            ['CPU', env.cpu],
            ['Cores', env.cpuCount === null ? null : String(env.cpuCount)],
            ['Memory', env.memoryBytes === null ? null : formatBytes(env.memoryBytes)],
            ['GPUs', gpuWords(env.gpus)],
          ]}
        />
      </div>
      {env.packages.length > 0 && <Packages packages={env.packages} />}
    </section>
  );
}

export function EnvironmentTab(props: { run: RunHeadFragment }): ReactElement {
  const asked = useGraph(EnvironmentDocument, { id: props.run.id });
  return (
    <Answered
      answer={asked.data && (asked.data.run?.environment ?? null)}
      trouble={asked.trouble}
      what="the environment"
      none={
        <>
          This run’s client recorded no environment. Runstream’s own does at <code>runstream.init()</code>: commit,
          command, machine and packages.
        </>
      }
    >
      {(env) => <Body env={env} />}
    </Answered>
  );
}
