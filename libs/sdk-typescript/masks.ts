/** Secrets on a command line, in addresses and in configs are masked before they are written anywhere. The Python SDK's masks.py, in TypeScript. */
const mask = '***';
const secretWords = new Set(
  (
    'token secret password passwd passwort pwd pw passphrase credential credentials apikey authtoken accesskey ' +
    'secretkey privatekey authorization bearer pat jwt cookie dsn'
  ).split(' '),
);
const keyOf = new Set(
  'api access private secret auth account encryption signing license storage ssh service client app'.split(' '),
);
/** Tokens of a vocabulary, not of a person. */
const vocabulary = new Set(
  (
    'pad eos bos unk mask sep cls special image audio video start end begin next stop trigger new per num max min n ' +
    'added additional boi eoi prompt extra class separator decoder forced think'
  ).split(' '),
);
const shapes = new RegExp(
  [
    'hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{16,}|github_pat_\\w{16,}',
    'glpat-[\\w-]{16,}|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abeprs]-[\\w-]{10,}|AIza[\\w-]{30,}|ya29\\.[\\w-]{20,}',
    'npm_[A-Za-z0-9]{30,}|pypi-[\\w-]{30,}|dop_v1_[a-f0-9]{30,}|SG\\.[\\w-]{16,}\\.[\\w-]{16,}',
    'eyJ[\\w-]{8,}\\.eyJ[\\w-]{8,}\\.[\\w-]{8,}|(?:rs|wandb|gsk|r8|nvapi|tskey|shpat|lin_api|sq0atp)[_-][A-Za-z0-9_-]{20,}',
    '-----BEGIN [A-Z ]*PRIVATE KEY-----[\\s\\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)',
  ].join('|'),
  'g',
);
const userinfo =
  /(\b[A-Za-z][A-Za-z0-9+.-]*:\/\/)((?:[^\s/?#:@'"]*:(?!\d+\/)[^\s'"]*|[^\s/?#:@'"]+))@(?=[^\s@]*(?:[\s'"]|$))/g;
const pair = /([?&;,\s]|^)([A-Za-z][\w.-]*)(=|:\s+)([^&;,\s'"]+)/g;
const bearer = /\b(Bearer|Basic|Token)\s+[A-Za-z0-9._~+/=-]{8,}/gi;
const plain = /^(?:[+-]?\d{1,7}(?:\.\d*)?|true|false|none|null|yes|no|)$/i;
const telling = new Set('sig signature key auth code x-amz-signature x-amz-credential x-amz-security-token'.split(' '));
const isPassword = (name: string): boolean => /pass|pwd/i.test(name);

function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean)
    .map((word) => word.toLowerCase());
  while (words.length > 1 && /^\d+$/.test(words.at(-1)!)) words.pop();
  const last = words.at(-1);
  if (last === undefined || words.slice(0, -1).some((word) => vocabulary.has(word))) return false;
  return (
    secretWords.has(last) ||
    (last === 'key' && words.length > 1 && keyOf.has(words.at(-2)!)) ||
    (last === 'auth' && words.length <= 2) ||
    /(apikey|password|passwd)$/.test(last)
  );
}

/** Passwords in addresses, tokens known by their shape, values of telling names in addresses and pairs. */
export function maskText(text: string): string {
  return maskShapes(text).replace(pair, (whole, before: string, name: string, between: string, value: string) => {
    const tells = isSecretName(name) || ('?&'.includes(before || ' ') && telling.has(name.toLowerCase()));
    if (!tells || value.startsWith(mask) || (plain.test(value) && !isPassword(name))) return whole;
    return `${before}${name}${between}${mask}`;
  });
}

const maskShapes = (text: string): string =>
  text
    .replace(userinfo, (whole, scheme: string, user: string) => {
      const colon = user.indexOf(':');
      if (colon >= 0) return `${scheme}${user.slice(0, colon)}:${mask}@`;
      // a name alone is no secret (git@, ssh://me@); a long one alone is a token
      return user.length < 16 ? whole : `${scheme}${mask}@`;
    })
    .replace(shapes, mask)
    .replace(bearer, `$1 ${mask}`);

const quoted = /([A-Za-z][\w.-]*)(["']?\s*(?:=|:|=>)\s*)(["'])([^"'\n]{6,})\3/g;

/** Of program text: passwords in addresses, tokens known by their shape, texts in quotes given to telling names. Names and code stay. */
export function maskSource(content: Buffer): Buffer {
  // a byte is a character: whatever the encoding, what is not masked stays as it is
  const text = maskShapes(content.toString('latin1'));
  const masked = text.replace(quoted, (whole, name: string, between: string, quote: string, value: string) =>
    isSecretName(name) && !plain.test(value) ? `${name}${between}${quote}${mask}${quote}` : whole,
  );
  return Buffer.from(masked, 'latin1');
}

/** The value of a setting or param of this name. */
export function maskValue(name: string, value: string): string {
  if (value !== '' && isSecretName(name.split('.').at(-1)!) && !plain.test(value)) return mask;
  return maskText(value);
}

/** `--hf_token X`, `--api-key=X`, `NAME_TOKEN=X`, `-H "Authorization: Bearer X"`, addresses with a password. */
export function maskArguments(words: readonly string[]): string[] {
  let hideNext = false;
  return words.map((word) => {
    const equals = word.indexOf('=');
    const flag = equals < 0 ? word : word.slice(0, equals);
    const name = flag.replace(/^-+/, '');
    const dashed = word.startsWith('-') && name !== '';
    const hide = hideNext && !(dashed && equals < 0 && /^--?[A-Za-z][\w-]*$/.test(word) && word.length < 24);
    hideNext = false;
    if (hide) return mask;
    const secret = /^[\w.+-]+$/.test(name) && isSecretName(name.split('.').at(-1)!);
    if (equals >= 0 && secret) {
      const value = word.slice(equals + 1);
      return `${flag}=${plain.test(value) && !isPassword(name) ? value : mask}`;
    }
    hideNext = dashed && equals < 0 && secret;
    return maskText(word);
  });
}

/** Every text in what was captured. */
export function maskAll<T>(value: T): T {
  if (typeof value === 'string') return maskText(value) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => maskAll(item)) as T;
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskAll(item as unknown)])) as T;
  return value;
}
