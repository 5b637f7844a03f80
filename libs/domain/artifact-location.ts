/** Kept as a tag that clients do not see: MLflow has a field for where an experiment's files lie, a project has none. */
export const locationTag = 'runstream.mlflow.artifactLocation';

interface Project {
  readonly number: number;
  readonly tags: Readonly<Record<string, string>>;
}

export const artifactLocation = ({ number, tags }: Project): string =>
  tags[locationTag] ?? `mlflow-artifacts:/${number}`;

/** Below the path of an address: what follows a "?" or "#" stays at its end. */
export function locationBelow(base: string, path: string): string {
  const [, before, rest] = /^([^?#]*)(.*)$/s.exec(base)!;
  return `${before!.replace(/\/+$/, '')}/${path}${rest}`;
}

export const modelLocation = (project: Project, id: string): string =>
  locationBelow(artifactLocation(project), `models/${id}/artifacts`);

/** "mlflow-artifacts:/1/abc/artifacts" -> "1/abc/artifacts"; null for bytes that lie elsewhere. */
export function storedPath(uri: string): string | null {
  const path = /^mlflow-artifacts:(?:\/\/[^/]*)?\/+([^?#]*)/s.exec(uri)?.[1];
  return path === undefined ? null : path.replace(/\/+$/, '');
}
