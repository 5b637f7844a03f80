export interface KeyGroup {
  title: string;
  keys: string[];
}

/** Charts are grouped by what stands before the first '/'; keys without one come first, the machine's own metrics last. */
export function groupKeys(keys: readonly string[], search: string): KeyGroup[] {
  const wanted = search.trim().toLowerCase();
  const groups = new Map<string, string[]>();
  for (const key of [...keys].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))) {
    if (wanted !== '' && !key.toLowerCase().includes(wanted)) continue;
    const slash = key.indexOf('/');
    const title = slash > 0 ? key.slice(0, slash) : '';
    const group = groups.get(title);
    if (group === undefined) groups.set(title, [key]);
    else group.push(key);
  }
  const weight = (title: string): number => (title === '' ? 0 : /^(system|sys)$/i.test(title) ? 2 : 1);
  return [...groups]
    .map(([title, members]) => ({ title, keys: members }))
    .sort((a, b) => weight(a.title) - weight(b.title) || a.title.localeCompare(b.title, 'en'));
}
