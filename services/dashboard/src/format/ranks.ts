/** Reads `0, 3, 5-8`; null for text that is not such a list. Empty text is every rank (undefined). */
export function readRanks(text: string, ranksMax: number): number[] | undefined | null {
  if (text.trim() === '') return undefined;
  const ranks = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part);
    if (match === null) return null;
    const from = Number(match[1]);
    const to = match[2] === undefined ? from : Number(match[2]);
    if (to < from) return null;
    for (let rank = from; rank <= to && ranks.size < ranksMax; rank += 1) ranks.add(rank);
  }
  return [...ranks].sort((a, b) => a - b);
}
