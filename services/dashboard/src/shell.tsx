import { useState, type ReactElement, type SyntheticEvent } from 'react';
import { Link, NavLink, Outlet } from 'react-router';
import { forgetApiKey, apiKey, keepApiKey } from './data/api-key.js';
import { useNow } from './data/clock.js';
import { useConnection } from './data/connection.js';
import { formatDuration } from './format/format.js';
import { toggleTheme, useTheme } from './theme/theme.js';

function Mark(): ReactElement {
  return (
    <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path
        d="M5 20c4 0 4-9 8-9s4 11 8 11 3-6 6-6"
        fill="none"
        stroke="var(--accent-ink)"
        strokeWidth="3"
        strokeLinecap="round"
      />
    </svg>
  );
}

function Outage(): ReactElement | null {
  const { downSince } = useConnection();
  const now = useNow();
  if (downSince === null) return null;
  return (
    <div className="outage" role="alert" data-testid="outage">
      <span className="spinner" aria-hidden="true" />
      <span>
        <strong>Server unreachable, reconnecting…</strong> What you see is{' '}
        {formatDuration(Math.max(0, now - downSince))} old; it goes on from where it stopped.
      </span>
    </div>
  );
}

function KeyForm(): ReactElement {
  const [key, setKey] = useState('');
  const refused = apiKey() !== null;
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    keepApiKey(key.trim());
    location.reload();
  };
  return (
    <main className="key-form">
      <form onSubmit={submit} className="card">
        <h1>API key</h1>
        <p className="dim">
          {refused ? 'The key kept in this browser was not accepted.' : 'This server asks for an API key.'} Make one
          with <code>runstream keys create</code>.
        </p>
        <label htmlFor="api-key">Key</label>
        <input
          id="api-key"
          className="field"
          type="password"
          autoComplete="off"
          autoFocus
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <div className="row">
          <button type="submit" className="button primary" disabled={key.trim() === ''}>
            Use this key
          </button>
          {refused && (
            <button type="button" className="button" onClick={() => (forgetApiKey(), location.reload())}>
              Forget the old key
            </button>
          )}
        </div>
      </form>
    </main>
  );
}

export function Shell(): ReactElement {
  const connection = useConnection();
  const theme = useTheme();
  const state = !connection.reachable ? 'down' : connection.socketOpen ? 'live' : 'idle';
  const word = { down: 'Reconnecting', live: 'Live', idle: 'Connected' }[state];
  return (
    <>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header className="bar">
        <Link to="/" className="brand">
          <Mark />
          Runstream
        </Link>
        <nav className="nav" aria-label="Pages">
          <NavLink to="/" end>
            Runs
          </NavLink>
          <NavLink to="/models">Models</NavLink>
          <NavLink to="/sql">SQL</NavLink>
        </nav>
        <span className="grow" />
        <span className={`link-state ${state}`} role="status" data-testid="connection">
          <i aria-hidden="true" />
          <span className="link-word">{word}</span>
        </span>
        <button
          type="button"
          className="button quiet"
          onClick={toggleTheme}
          aria-label={theme === 'dark' ? 'Use the light theme' : 'Use the dark theme'}
        >
          {theme === 'dark' ? '☀' : '☾'}
        </button>
      </header>
      <Outage />
      <div id="content" tabIndex={-1}>
        {connection.keyNeeded ? <KeyForm /> : <Outlet />}
      </div>
    </>
  );
}
