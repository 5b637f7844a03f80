import type { Trouble } from '../data/client.js';

export interface FilterProblem {
  text: string;
  /** Counted from 0; null when the sentence names no place. */
  at: number | null;
}

/** The server's sentence counts characters from 1 and repeats the filter below; the page has the box for that. */
export function readProblem(trouble: Pick<Trouble, 'message' | 'at'>): FilterProblem {
  const sentence = trouble.message.split('\n')[0] ?? '';
  const told = /,? at character (\d+)$/.exec(sentence);
  const text = sentence.replace(/^filter: /, '').replace(/,? at character \d+$/, '');
  if (trouble.at !== null) return { text, at: trouble.at };
  return { text, at: told === null ? null : Number(told[1]) - 1 };
}
