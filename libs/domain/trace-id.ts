/**
 * Ids of traces are their clients' choice, so each tenant has them for itself: in the log the tenant's name stands before them. What
 * was logged before that was so has its bare id.
 */
const separator = '..';

/** The attribute by which a client names the trace of a span. */
export const requestIdKey = 'mlflow.traceRequestId';

export const traceSubject = (world: string, id: string): string => (world === '' ? id : `${world}${separator}${id}`);

/** The id that its client gave it. Names of a tenant's projects begin with the tenant's. */
export function traceIdOf(project: string, subject: string): string {
  const colon = project.indexOf(':');
  const prefix = `${project.slice(0, colon)}${separator}`;
  return colon > 0 && subject.startsWith(prefix) ? subject.slice(prefix.length) : subject;
}
