import { useCallback, useState } from 'react';

export interface Columns {
  metrics: string[];
  params: string[];
}

const metricColumnsMax = 12;

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

export function readColumns(text: string | null): Columns | null {
  if (text === null) return null;
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null; // an older page's note: the defaults are fine
    throw error;
  }
  if (typeof stored !== 'object' || stored === null || !('metrics' in stored) || !('params' in stored)) return null;
  if (!isStrings(stored.metrics) || !isStrings(stored.params)) return null;
  return { metrics: stored.metrics.slice(0, metricColumnsMax), params: stored.params };
}

/** What a first visitor wants to see: a few metrics that are not about the machine, a few plain params. */
export function defaultColumns(metricKeys: readonly string[], paramKeys: readonly string[]): Columns {
  const telling = metricKeys.filter((key) => !/^(system|sys|_)/.test(key));
  const rank = (key: string): number => (/loss/i.test(key) ? 0 : /acc|score|reward|f1|auc/i.test(key) ? 1 : 2);
  const metrics = [...telling].sort((a, b) => rank(a) - rank(b)).slice(0, 3);
  return { metrics, params: paramKeys.slice(0, 3) };
}

/** The chosen columns of a project's table, kept in this browser. */
export function useChosenColumns(project: string): [Columns | null, (columns: Columns) => void] {
  const storageKey = `runstream.columns.${project}`;
  const [held, setHeld] = useState<{ key: string; columns: Columns | null }>(() => ({
    key: storageKey,
    columns: readColumns(localStorage.getItem(storageKey)),
  }));
  const choose = useCallback(
    (columns: Columns) => {
      localStorage.setItem(storageKey, JSON.stringify(columns));
      setHeld({ key: storageKey, columns });
    },
    [storageKey],
  );
  return [held.key === storageKey ? held.columns : readColumns(localStorage.getItem(storageKey)), choose];
}
