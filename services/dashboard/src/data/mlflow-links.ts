/**
 * MLflow's client prints links into MLflow's own page, "/#/experiments/1/runs/<id>" (and "/t/<tenant>/#/…"), at the end of every run:
 * they lead to the same run or project here. Null: the address is no such link.
 */
export function linkedPage(path: string, fragment: string): string | null {
  const match = /^#\/experiments\/(\d+)(?:\/runs\/([\w.-]+))?/.exec(fragment);
  if (match === null) return null;
  const tenant = /^\/?t\/([^/]+)/.exec(path)?.[1] ?? '';
  const [, experiment = '', run] = match;
  if (run !== undefined) return `/runs/${run}`;
  return `/projects/number/${experiment}${tenant === '' ? '' : `?tenant=${encodeURIComponent(tenant)}`}`;
}
