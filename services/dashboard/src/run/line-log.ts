import type { LineFragment } from '../generated/questions.js';

function idOf(line: LineFragment): string {
  return `${line.attempt}/${line.writer}/${line.stream}/${line.number}`;
}

/** Console lines by (attempt, writer, stream, number): what comes twice stands once. Keeps the newest `linesMax`. */
export class LineLog {
  #lines: LineFragment[] = [];
  readonly #known = new Set<string>();
  readonly #linesMax: number;
  skipped = 0;

  constructor(linesMax: number) {
    this.#linesMax = linesMax;
  }

  add(lines: readonly LineFragment[]): void {
    const fresh = lines.filter((line) => {
      const id = idOf(line);
      if (this.#known.has(id)) return false;
      this.#known.add(id);
      return true;
    });
    if (fresh.length === 0) return;
    const ordered = [...this.#lines, ...fresh].sort(
      (a, b) => a.time - b.time || a.rank - b.rank || a.number - b.number,
    );
    const dropped = Math.max(0, ordered.length - this.#linesMax);
    for (const line of ordered.slice(0, dropped)) this.#known.delete(idOf(line));
    this.#lines = ordered.slice(dropped);
  }

  lines(): readonly LineFragment[] {
    return this.#lines;
  }
}
