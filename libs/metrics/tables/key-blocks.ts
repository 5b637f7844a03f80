/**
 * Tables of steps are ordered by blocks of steps, and within a block by rank: near steps of all ranks lie together. The engine finds rows
 * by their block only when it is told the block; told the step alone it reads the whole series.
 */
interface KeyBlock {
  readonly column: 'step' | 'bucket';
  readonly size: number;
}
export const stepBlock: KeyBlock = { column: 'step', size: 1_024 };
export const rollupBlock: KeyBlock = { column: 'bucket', size: 64 };

/** The block as the key has it: rounded towards zero, so the two around zero are one. */
export const blockOf = ({ column, size }: KeyBlock): string => `intDiv(${column}, ${size})`;

/** Rows from `lo` (inclusive) to `hi` (exclusive), of whole numbers or infinities; empty where neither cuts anything off. */
export function between(block: KeyBlock, lo: number, hi: number): string {
  const inBlock = (at: number): number => Math.trunc(at / block.size);
  const bounds = [
    lo > -Infinity ? `${block.column} >= ${lo} AND ${blockOf(block)} >= ${inBlock(lo)}` : '',
    hi < Infinity ? `${block.column} < ${hi} AND ${blockOf(block)} <= ${inBlock(hi - 1)}` : '',
  ];
  return bounds.filter(Boolean).join(' AND ');
}
