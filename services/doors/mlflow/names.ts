import { invalid } from './mlflow-error.js';

/** The limits of MLflow's own validation. */
export const mlflowLimits = {
  keyCharsMax: 250,
  paramValueCharsMax: 6_000,
  tagValueCharsMax: 8_000,
  experimentTagValueCharsMax: 5_000,
  experimentNameCharsMax: 500,
  registryTagValueCharsMax: 100_000,
  batchMetricsMax: 1_000,
  batchParamsMax: 100,
  batchTagsMax: 100,
  batchEntriesMax: 1_000,
  searchResultsMax: 50_000,
} as const;

// Python's \w: letters and digits of any script
const allowed = /^[/\p{L}\p{N}_.\- :]*$/u;

/** Keys are paths in some of MLflow's stores: they must be as they would be after resolving them. */
function isPlainPath(name: string): boolean {
  return !name.startsWith('/') && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

export const isName = (name: string): boolean =>
  Array.from(name).length <= mlflowLimits.keyCharsMax && allowed.test(name) && isPlainPath(name);

export function checkName(kind: string, path: string, name: string): string {
  if (Array.from(name).length > mlflowLimits.keyCharsMax)
    throw invalid(`'${path}' exceeds the maximum length of ${mlflowLimits.keyCharsMax} characters`);
  if (!allowed.test(name))
    throw invalid(
      `Invalid value '${name}' for parameter '${path}' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).`,
    );
  if (!isPlainPath(name))
    throw invalid(
      `Invalid value '${name}' for parameter '${path}' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This ${kind} name would resolve to another one`,
    );
  return name;
}

/** MLflow cuts long values off rather than refusing them. */
export const cut = (value: string, charsMax: number): string =>
  value.length > charsMax ? value.slice(0, charsMax) : value;
