/** What a browser or a client should take a file for, by its name. */
const byEnding: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  gif: 'image/gif',
  html: 'text/html',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  js: 'text/javascript',
  json: 'application/json',
  md: 'text/markdown',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  pdf: 'application/pdf',
  png: 'image/png',
  svg: 'image/svg+xml',
  wav: 'audio/wav',
  webp: 'image/webp',
  xml: 'text/xml',
};
const texts: ReadonlySet<string> = new Set([
  'txt',
  'log',
  'err',
  'cfg',
  'conf',
  'cpp',
  'py',
  'sh',
  'yaml',
  'yml',
  'ini',
  'toml',
  'sql',
  'jsonl',
  'mlmodel',
  'mlproject',
]);

export function mimeOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const ending = name.slice(name.lastIndexOf('.') + 1);
  if (texts.has(ending)) return 'text/plain';
  return Object.hasOwn(byEnding, ending) ? byEnding[ending]! : 'application/octet-stream';
}
