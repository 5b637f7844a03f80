import type { z } from 'zod';
import { isObject } from '#libs/domain/plain-json.js';
import { AwsError } from '../../http/aws-error.js';

/** What is wrong is said as AWS says it, all of it at once, by the name of the member. */
export function readInput<T>(shape: z.ZodType<T>, json: unknown): T {
  if (!isObject(json)) throw new AwsError('SerializationException', 'The request body must be a JSON object');
  const parsed = shape.safeParse(withoutNulls(json), { reportInput: true });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => problemOf(issue));
  const torn = problems.find(({ type }) => type);
  if (torn) throw new AwsError('SerializationException', torn.text);
  const [count, s] = [problems.length, problems.length === 1 ? '' : 's'];
  const list = problems.slice(0, 10).map(({ text }) => text);
  throw invalid(`${count} validation error${s} detected: ${list.join('; ')}`);
}

export const invalid = (message: string): AwsError => new AwsError('ValidationException', message);

/** A member that is null is a member that is absent. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== null);
  // keys come from users: "__proto__" must be an ordinary one
  return Object.fromEntries(entries.map(([key, member]) => [key, withoutNulls(member)]));
}

type Issue = z.core.$ZodIssue;

function problemOf(issue: Issue): { readonly text: string; readonly type: boolean } {
  const at = issue.path.map(member).join('.');
  const missing = issue.input === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
  const type = !missing && (issue.code === 'invalid_type' || issue.code === 'invalid_union');
  if (type) return { text: `The value at '${at}' is of the wrong type: ${show(issue.input)}`, type };
  const value = missing ? 'null' : show(issue.input);
  const why = missing ? 'Member must not be null' : constraint(issue);
  return { text: `Value ${value} at '${at}' failed to satisfy constraint: ${why}`, type };
}

const member = (part: PropertyKey): string =>
  typeof part === 'number'
    ? `${part + 1}.member`
    : String(part)
        .slice(0, 60)
        .replace(/^[A-Z]/, (first) => first.toLowerCase());

function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
  return `'${text.length > 200 ? `${text.slice(0, 200)}...` : text}'`;
}

function constraint(issue: Issue): string {
  switch (issue.code) {
    case 'too_small':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `Member must have value greater than or equal to ${issue.minimum}`
        : `Member must have length greater than or equal to ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `Member must have value less than or equal to ${issue.maximum}`
        : `Member must have length less than or equal to ${issue.maximum}`;
    case 'invalid_format':
      return `Member must satisfy regular expression pattern: ${(issue.pattern ?? '').replaceAll(/^\/\^|\$\/u?$/g, '')}`;
    case 'invalid_value':
      return `Member must satisfy enum value set: [${issue.values.map(String).join(', ')}]`;
    case 'custom':
      return String(issue.params?.['constraint'] ?? issue.message);
    case 'invalid_key':
      return 'Map keys must satisfy constraint: ' + issue.issues.map(constraint).join(', ');
    case 'invalid_type':
    case 'invalid_union':
    case 'invalid_element':
    case 'unrecognized_keys':
    case 'not_multiple_of':
      return issue.message;
  }
}
