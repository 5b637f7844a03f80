/**
 * What was printed, as lines. Follows carriage returns and the cursor as a terminal does: a progress bar is one line that changes, nested
 * bars are as many lines as are seen. While a bar changes its state is kept now and then; of all else each line once, when it is whole.
 */
const charsMax = 30_000; // a longer line is kept in pieces
const rowsMax = 40;
const settleMs = 1_000; // a bar that was left is whole when nothing goes back to it for so long
const [lookMinMs, lookMaxMs] = [3_000, 60_000];
const parts = /(\n|\r|\u0008|\u001b\[[0-9;?]*[A-Za-z])/;

interface Row {
  text: string;
  fresh: boolean;
  bar: boolean;
  changedAt: number;
  leftAt: number;
  lookAt: number;
  pauseMs: number;
  kept: string;
}
const emptyRow = (): Row => ({
  text: '',
  fresh: false,
  bar: false,
  changedAt: 0,
  leftAt: 0,
  lookAt: 0,
  pauseMs: lookMinMs,
  kept: '',
});

export class Screen {
  #rows: Row[] = [emptyRow()];
  #at = 0;

  constructor(
    readonly keep: (line: string) => void,
    readonly clock: () => number = () => performance.now(),
  ) {}

  feed(text: string): void {
    const now = this.clock();
    for (const part of text.split(parts)) {
      if (part === '') continue;
      const row = this.#rows[this.#at]!;
      if (part === '\n') this.#down(now);
      else if (part === '\r') row.fresh = true;
      else if (part === '\u0008') row.text = row.text.slice(0, -1);
      else if (part.startsWith('\u001b[') && !part.endsWith('m') && parts.test(part)) this.#control(row, part);
      else this.#write(row, part, now);
    }
  }

  #write(row: Row, text: string, now: number): void {
    if (row.fresh) Object.assign(row, { bar: true, text: '', fresh: false });
    row.text += text;
    row.changedAt = now;
    if (row.lookAt === 0) row.lookAt = now + row.pauseMs;
    while (row.text.length > charsMax) {
      this.#emit(row.text.slice(0, charsMax));
      row.text = row.text.slice(charsMax);
    }
  }

  #control(row: Row, part: string): void {
    const digits = /^\d*/.exec(part.slice(2))![0];
    const count = digits === '' ? 1 : Number(digits);
    const action = part.at(-1)!;
    if (action === 'A') {
      this.#at = Math.max(0, this.#at - count);
      for (const left of this.#rows) left.bar = true;
    } else if (action === 'B') this.#at = Math.min(this.#rows.length - 1, this.#at + count);
    else if ('KJ'.includes(action) && (row.fresh || digits === '1' || digits === '2')) row.bar = row.fresh = true;
    else if (action === 'G' && count === 1) row.fresh = true;
  }

  #down(now: number): void {
    const row = this.#rows[this.#at]!;
    row.fresh = false;
    row.leftAt = now;
    this.#at += 1;
    if (this.#at < this.#rows.length) {
      this.#rows[this.#at]!.fresh = true;
      return;
    }
    this.#rows.push(emptyRow());
    if (!this.#rows.slice(0, this.#at).some(({ bar }) => bar)) while (this.#at > 0) this.#take();
    while (this.#rows.length > rowsMax) this.#take();
  }

  /** Called now and then, at least each second: what is whole by now, and how far bars are. */
  tick(): void {
    const now = this.clock();
    while (this.#at > 0 && now - this.#rows[0]!.leftAt >= settleMs) this.#take();
    for (const row of this.#rows) {
      const due = row.lookAt > 0 && now >= row.lookAt && (row.bar || row.fresh);
      if (!due || row.text.trim() === '' || row.changedAt <= row.lookAt - row.pauseMs) continue;
      row.pauseMs = Math.min(lookMaxMs, row.pauseMs * 2);
      row.lookAt = now + row.pauseMs;
      if (row.text !== row.kept) this.#emit((row.kept = row.text));
    }
  }

  /** Nothing comes any more. */
  finish(): void {
    if (this.#rows.at(-1)!.text === '') this.#rows.pop();
    while (this.#rows.length > 0) this.#take();
    [this.#rows, this.#at] = [[emptyRow()], 0];
  }

  #take(): void {
    const row = this.#rows.shift()!;
    this.#at = Math.max(0, this.#at - 1);
    if (!(row.bar && (row.text.trim() === '' || row.text === row.kept))) this.#emit(row.text);
  }

  #emit(line: string): void {
    for (let start = 0; start < Math.max(line.length, 1); start += charsMax)
      this.keep(line.slice(start, start + charsMax));
  }
}
