import type { RejectionCode } from './rejection.js';

/** What a fold says to an event: plain data, stored by event id. */
export type FoldVerdict =
  /** `number`: what the fold chose for the command, the number of a new model version. */
  | {
      readonly accepted: true;
      readonly attempt: number | null;
      /** When that attempt began, for its writers to repeat. */
      readonly attemptStartedAtMs?: number;
      readonly number?: number;
    }
  | { readonly accepted: false; readonly code: RejectionCode; readonly message: string; readonly field: string | null };

export const accepted = (attempt: number | null, number?: number): FoldVerdict =>
  number === undefined ? { accepted: true, attempt } : { accepted: true, attempt, number };
export const refused = (code: RejectionCode, message: string, field?: string): FoldVerdict => ({
  accepted: false,
  code,
  message,
  field: field ?? null,
});
