/**
 * JSON text whose numbers JavaScript would change: integers beyond 2^53, and 1.0, which is another thing than 1 to those who read types.
 * Whoever prints it himself asks for `text`; everybody else sees the nearest value.
 */
export class ExactJson {
  constructor(readonly text: string) {}

  toJSON(): unknown {
    return JSON.parse(this.text);
  }
}

// digits in a string look the same, and come back as they are too
const changes = /\d{16}|\.\d*0(?!\d)|\d[eE]|-0(?![\d.])/;

/** The value of JSON text, exact where JavaScript's own would not be. */
export const readExactJson = (text: string): unknown =>
  changes.test(text) ? new ExactJson(text) : (JSON.parse(text) as unknown);

/** JSON text of a value that holds exact parts; these come out to the digit. */
export function writeExactJson(value: unknown): string {
  const parts: string[] = [];
  const mark = `exact ${Math.random().toString(36).slice(2)}`;
  const text = JSON.stringify(value, function (this: Record<string, unknown>, key, plain: unknown) {
    const exact = this[key];
    return exact instanceof ExactJson ? `${mark} ${parts.push(exact.text) - 1}` : plain;
  });
  return parts.length === 0
    ? text
    : text.replaceAll(new RegExp(`"${mark} (\\d+)"`, 'g'), (_, at: string) => parts[Number(at)]!);
}
