import { Rejection } from '#libs/domain/rejection.js';
import type { Page } from '#libs/runs/run-table.js';

export const pageRowsMax = 1_000;

/** A page size within its limit; refused otherwise, never silently cut. */
export function pageSize(first: number | null | undefined, max = pageRowsMax): number {
  const rows = first ?? 50;
  if (rows < 1 || rows > max)
    throw new Rejection('INVALID_ARGUMENT', `first: ${rows} is not within 1 to ${max}`, 'first');
  return rows;
}

export function connection<Row>(page: Page<Row>): {
  edges: { cursor: string; node: Row }[];
  nodes: Row[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
  totalCount: number;
} {
  return {
    edges: page.rows.map((node, index) => ({ cursor: page.cursors[index]!, node })),
    nodes: [...page.rows],
    pageInfo: { hasNextPage: page.hasNextPage, endCursor: page.cursors.at(-1) ?? null },
    totalCount: page.totalCount,
  };
}

/** A part of a list, within its limit. */
export function within(name: string, value: number | null | undefined, fallback: number, max: number): number {
  const chosen = value ?? fallback;
  if (chosen < 1 || chosen > max)
    throw new Rejection('INVALID_ARGUMENT', `${name}: ${chosen} is not within 1 to ${max}`, name);
  return chosen;
}

export const tagList = (tags: Readonly<Record<string, string>>): { key: string; value: string }[] =>
  Object.entries(tags).map(([key, value]) => ({ key, value }));
export const orNull = (text: string): string | null => (text === '' ? null : text);
