import type { Line } from '#libs/domain/event.js';
import { limits } from '#libs/domain/limits.js';
import { readLooseObject } from './loose-json.js';
import { wellFormed } from './well-formed.js';

const cutMark = ' … (the rest of the line was cut)';

/** Lines of output.log, structured or as older clients write them: "ERROR 2026-11-23T06:29:24.190484 [rank1] text". */
export function readConsole(lines: readonly string[], first: number, nowMs: number): readonly Line[] {
  return lines.map((line, index): Line => {
    const { time, error, text } = structured(line) ?? plain(line);
    const timeMs = Date.parse(`${time}Z`);
    return {
      number: first + index + 1,
      stream: error ? 'stderr' : 'stdout',
      timeMs: Number.isNaN(timeMs) ? nowMs : timeMs,
      text: shown(text),
    };
  });
}

interface ReadLine {
  readonly time: string;
  readonly error: boolean;
  readonly text: string;
}

function structured(line: string): ReadLine | null {
  if (!line.startsWith('{')) return null;
  const json = readLooseObject(line);
  if (typeof json?.['content'] !== 'string') return null;
  const { ts, level, content } = json;
  return { time: typeof ts === 'string' ? ts : '', error: level === 'error', text: content };
}

function plain(line: string): ReadLine {
  const match = /^(ERROR )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?) ?(.*)$/s.exec(line);
  if (!match) return { time: '', error: line.startsWith('ERROR '), text: line };
  return { time: match[2]!, error: match[1] !== undefined, text: match[3]! };
}

/** What a terminal would show of the line: a carriage return begins it anew. */
function shown(text: string): string {
  const clean = wellFormed(text).replace(/[\r\n]+$/, '');
  const last = clean.slice(clean.lastIndexOf('\r') + 1);
  return last.length <= limits.lineCharsMax ? last : last.slice(0, limits.lineCharsMax - cutMark.length) + cutMark;
}
