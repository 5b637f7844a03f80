import { changedTags } from './catalog-fold.js';
import type { EventOf, Tags } from './event.js';
import type { EventOfKind } from './event-table.js';
import { accepted, refused, type FoldVerdict } from './run-fold-verdict.js';

/** A model that a run logged: its own files, params and metrics, which outlive the run. */
export interface LoggedModelState {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly modelType: string;
  readonly run: string;
  /** What its client says: PENDING, READY, UPLOAD_FAILED. */
  readonly status: string;
  /** Values as JSON text. */
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Tags;
  readonly deleted: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}
export type LoggedModelEvent = EventOfKind<'loggedModel'>;

export function foldLoggedModel(
  known: LoggedModelState | null,
  event: LoggedModelEvent,
): { readonly model: LoggedModelState | null; readonly verdict: FoldVerdict } {
  const no = (...reason: Parameters<typeof refused>) => ({ model: known, verdict: refused(...reason) });
  if (event.name === 'LoggedModelCreated') {
    if (known) return no('ALREADY_EXISTS', `logged model ${event.subject} already exists`, 'subject');
    const { project, name, modelType, run, params, tags } = event.data;
    const model: LoggedModelState = {
      id: event.subject,
      project,
      name,
      modelType,
      run,
      status: 'PENDING',
      params: paramsOf(params),
      tags: changedTags({}, tags, []),
      deleted: false,
      createdAt: event.timeMs,
      updatedAt: event.timeMs,
    };
    return { model, verdict: accepted(null) };
  }
  if (!known || known.deleted) return no('NOT_FOUND', `there is no logged model ${event.subject}`, 'subject');
  const updatedAt = Math.max(known.updatedAt, event.timeMs);
  switch (event.name) {
    case 'LoggedModelChanged': {
      const { status, tags, removed, params } = event.data;
      const model = {
        ...known,
        status: status || known.status,
        tags: changedTags(known.tags, tags, removed),
        params: { ...known.params, ...paramsOf(params) },
        updatedAt,
      };
      return { model, verdict: accepted(null) };
    }
    case 'LoggedModelMeasured':
      return { model: known, verdict: accepted(null) };
    case 'LoggedModelDeleted':
      return { model: { ...known, deleted: true, updatedAt }, verdict: accepted(null) };
  }
}

const paramsOf = (params: EventOf<'LoggedModelCreated'>['data']['params']): Record<string, string> =>
  Object.fromEntries(params.map(({ key, json }) => [key, json]));
