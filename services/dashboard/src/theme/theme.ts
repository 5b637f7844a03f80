import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark';
const storageKey = 'runstream.theme';
const listeners = new Set<() => void>();

function systemTheme(): Theme {
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

function storedTheme(): Theme | null {
  const stored = localStorage.getItem(storageKey);
  return stored === 'light' || stored === 'dark' ? stored : null;
}

export function currentTheme(): Theme {
  return document.documentElement.dataset['theme'] === 'dark' ? 'dark' : 'light';
}

function show(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
  for (const listener of listeners) listener();
}

/** The system decides until a person does; a choice equal to the system's is forgotten, so that it follows again. */
export function startTheme(): void {
  show(storedTheme() ?? systemTheme());
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => show(storedTheme() ?? systemTheme()));
}

export function toggleTheme(): void {
  const next: Theme = currentTheme() === 'dark' ? 'light' : 'dark';
  if (next === systemTheme()) localStorage.removeItem(storageKey);
  else localStorage.setItem(storageKey, next);
  show(next);
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, currentTheme);
}
