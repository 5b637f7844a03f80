import type { RejectionCode } from './rejection.js';

/** What a fold says to an event: plain data, stored by event id. */
export type FoldVerdict =
  | { readonly accepted: true; readonly attempt: number | null }
  | { readonly accepted: false; readonly code: RejectionCode; readonly message: string; readonly field: string | null };

export const accepted = (attempt: number | null): FoldVerdict => ({ accepted: true, attempt });
export const refused = (code: RejectionCode, message: string, field?: string): FoldVerdict => ({
  accepted: false,
  code,
  message,
  field: field ?? null,
});
