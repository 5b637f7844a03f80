const storageKey = 'runstream.apiKey';

export function apiKey(): string | null {
  return localStorage.getItem(storageKey);
}

export function keepApiKey(key: string): void {
  localStorage.setItem(storageKey, key);
}

export function forgetApiKey(): void {
  localStorage.removeItem(storageKey);
}
