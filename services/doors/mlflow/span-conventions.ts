import { jsonOf } from '#libs/domain/plain-json.js';
import { given } from '#libs/domain/run-fold-facts.js';
import { plainValue } from '#libs/runs/span-text.js';
import type { OtlpPair, OtlpSpan } from './otlp-spans.js';

/**
 * Where exporters other than MLflow's say what a span is, what went in and out and what it cost, translated as MLflow's server
 * translates it (mlflow/tracing/otel/translation). What the span says in MLflow's own words stands.
 */
interface Convention {
  readonly kind: string;
  readonly types: Readonly<Record<string, string>>;
  readonly tokens: { readonly input: string; readonly output: string; readonly total?: string };
  readonly cache?: { readonly read: readonly string[]; readonly creation: readonly string[] };
  readonly inputs: readonly (string | RegExp)[];
  readonly outputs: readonly (string | RegExp)[];
  readonly models: readonly string[];
  readonly provider: string;
  readonly tools?: string;
}
const upper = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));

const conventions: readonly Convention[] = [
  {
    // https://github.com/Arize-ai/openinference
    kind: 'openinference.span.kind',
    types: upper('TOOL', 'CHAIN', 'LLM', 'RETRIEVER', 'EMBEDDING', 'AGENT', 'RERANKER', 'GUARDRAIL', 'EVALUATOR'),
    tokens: { input: 'llm.token_count.prompt', output: 'llm.token_count.completion', total: 'llm.token_count.total' },
    cache: {
      read: ['llm.token_count.prompt_details.cache_read'],
      creation: ['llm.token_count.prompt_details.cache_write'],
    },
    inputs: ['input.value'],
    outputs: ['output.value'],
    models: ['llm.response.model_name', 'llm.model_name', 'llm.request.model_name', 'embedding.model_name'],
    provider: 'llm.provider',
  },
  {
    // https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/
    kind: 'gen_ai.operation.name',
    types: {
      ...{ chat: 'CHAT_MODEL', create_agent: 'AGENT', embeddings: 'EMBEDDING', execute_tool: 'TOOL' },
      ...{ generate_content: 'LLM', invoke_agent: 'AGENT', text_completion: 'LLM', response: 'LLM' },
    },
    tokens: { input: 'gen_ai.usage.input_tokens', output: 'gen_ai.usage.output_tokens' },
    cache: {
      read: ['gen_ai.usage.cache_read.input_tokens'],
      creation: ['gen_ai.usage.cache_write.input_tokens', 'gen_ai.usage.cache_creation.input_tokens'],
    },
    inputs: ['gen_ai.input.messages', 'gen_ai.tool.call.arguments'],
    outputs: ['gen_ai.output.messages', 'gen_ai.tool.call.result'],
    models: ['gen_ai.response.model', 'gen_ai.request.model'],
    provider: 'gen_ai.provider.name',
    tools: 'gen_ai.tool.definitions',
  },
  {
    // https://github.com/traceloop/openllmetry
    kind: 'traceloop.span.kind',
    types: { workflow: 'WORKFLOW', task: 'TASK', agent: 'AGENT', tool: 'TOOL' },
    tokens: {
      ...{ input: 'gen_ai.usage.prompt_tokens', output: 'gen_ai.usage.completion_tokens' },
      total: 'llm.usage.total_tokens',
    },
    inputs: [
      'traceloop.entity.input',
      /^gen_ai\.prompt\.\d+\.content/,
      /^gen_ai\.completion\.\d+\.tool_calls\.\d+\.arguments/,
    ],
    outputs: ['traceloop.entity.output', /^gen_ai\.completion\.\d+\.content/],
    models: [],
    provider: 'gen_ai.system',
  },
];

type Values = ReadonlyMap<string, unknown>;
/** What holds something: neither nothing, nor JSON of nothing. */
function held(values: Values, key: string): unknown {
  const value = values.get(key);
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return undefined;
  if (typeof value !== 'string') return value;
  const parsed = jsonOf(value);
  const empty =
    parsed === null ||
    parsed === '' ||
    parsed === 0 ||
    parsed === false ||
    (typeof parsed === 'object' && Object.keys(parsed).length === 0);
  return empty ? undefined : value;
}

function first(values: Values, keys: readonly (string | RegExp)[]): unknown {
  for (const key of keys) {
    const names = typeof key === 'string' ? [key] : [...values.keys()].filter((name) => key.test(name));
    for (const name of names) {
      const value = held(values, name);
      if (value !== undefined) return value;
    }
  }
  return undefined;
}
const firstOf = (values: Values, keys: (convention: Convention) => readonly (string | RegExp)[]): unknown => {
  for (const convention of conventions) {
    const value = first(values, keys(convention));
    if (value !== undefined) return value;
  }
  return undefined;
};
const plain = (value: unknown): unknown => (typeof value === 'string' ? (jsonOf(value) ?? value) : value);

function whole(value: unknown): number | null {
  const number = typeof value === 'string' ? Number(plain(value)) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && value !== '' ? number : null;
}

export type Usage = Readonly<Record<string, number>>;
function usageOf(values: Values): Usage | null {
  for (const { tokens, cache } of conventions) {
    const [input, output] = [whole(values.get(tokens.input)), whole(values.get(tokens.output))];
    const said = tokens.total === undefined ? null : whole(values.get(tokens.total));
    const total = said ?? (input !== null && output !== null ? input + output : null);
    if (input === null && output === null && total === null) continue;
    const read = whole(cache?.read.map((key) => values.get(key)).find((value) => value !== undefined));
    const creation = whole(cache?.creation.map((key) => values.get(key)).find((value) => value !== undefined));
    const all = {
      ...{ input_tokens: input, output_tokens: output, total_tokens: total },
      ...{ cache_read_input_tokens: read, cache_creation_input_tokens: creation },
    };
    return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, number] => entry[1] !== null));
  }
  return null;
}

/** Messages that are events, not attributes. */
function fromEvents(
  span: OtlpSpan,
  names: Readonly<Record<string, string>>,
  whole: readonly [string, string],
): unknown {
  const events = (span['events'] ?? []) as readonly { name: string; attributes: readonly OtlpPair[] }[];
  const messages: unknown[] = [];
  for (const { name, attributes } of events) {
    const values = valuesOf(attributes);
    if (name === whole[0] && held(values, whole[1]) !== undefined) return values.get(whole[1]);
    const content = Object.hasOwn(names, name) ? held(values, 'content') : undefined;
    if (content !== undefined)
      messages.push({ role: plain(values.get('role')) ?? names[name], content: plain(content) });
  }
  return messages.length > 0 ? messages : undefined;
}
const asked = {
  'gen_ai.system.message': 'system',
  'gen_ai.user.message': 'user',
  'gen_ai.assistant.message': 'assistant',
};
const answered = { 'gen_ai.choice': 'assistant' };

const valuesOf = (attributes: readonly OtlpPair[]): Map<string, unknown> =>
  new Map(attributes.map(({ key, value }) => [key, plainValue(value)]));

const spanUsageKey = 'mlflow.chat.tokenUsage';

/** The span with MLflow's attributes added to it, as JSON texts. */
export function translated(span: OtlpSpan): OtlpSpan {
  const values = valuesOf(span.attributes);
  const added = new Map<string, unknown>();
  const add = (key: string, value: () => unknown): void => {
    if (values.has(key)) return;
    const found = value();
    if (found !== undefined && found !== null) added.set(key, found);
  };
  const unknown = [undefined, 'UNKNOWN'].includes(plain(values.get('mlflow.spanType')) as string | undefined);
  const type = conventions
    .map(({ kind, types }) => given(types, String(plain(values.get(kind)))))
    .find((each) => each !== undefined);
  if (unknown && type !== undefined) added.set('mlflow.spanType', type);
  add(
    'mlflow.spanInputs',
    () =>
      firstOf(values, ({ inputs }) => inputs) ?? fromEvents(span, asked, ['gen_ai.content.prompt', 'gen_ai.prompt']),
  );
  add(
    'mlflow.spanOutputs',
    () =>
      firstOf(values, ({ outputs }) => outputs) ??
      fromEvents(span, answered, ['gen_ai.content.completion', 'gen_ai.completion']),
  );
  add(spanUsageKey, () => usageOf(values));
  add('mlflow.chat.tools', () => firstOf(values, ({ tools }) => (tools === undefined ? [] : [tools])));
  add('mlflow.llm.model', () => plain(firstOf(values, ({ models }) => models)));
  add('mlflow.llm.provider', () => plain(firstOf(values, ({ provider }) => [provider])));
  if (span.parentSpanId === undefined) add('service.name', () => serviceOf(span));
  if (added.size === 0) return span;
  const pairs = [...added].map(([key, value]) => ({ key, value: { stringValue: json(value) } }));
  return { ...span, attributes: [...span.attributes.filter(({ key }) => !added.has(key)), ...pairs] };
}

/** JSON as it stands; any other text as JSON. */
const json = (value: unknown): string =>
  typeof value === 'string' && jsonOf(value) !== undefined ? value : JSON.stringify(value);

/** What the program says of itself, for all of its spans. */
export const resourceOf = (span: OtlpSpan): Values =>
  valuesOf(((span['resource'] ?? {}) as { attributes?: readonly OtlpPair[] }).attributes ?? []);
const serviceOf = (span: OtlpSpan): unknown => held(resourceOf(span), 'service.name');

/** What a span itself used. */
export function usedBy(attributes: readonly OtlpPair[]): Usage | null {
  const pair = attributes.find(({ key }) => key === spanUsageKey);
  const value = pair && plain(plainValue(pair.value));
  if (typeof value !== 'object' || value === null) return null;
  const counts = Object.entries(value).filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1]));
  return counts.length === 0 ? null : Object.fromEntries(counts);
}

/** Of a whole trace: a span that says what it used speaks for those below it. */
export function usedTogether(spans: readonly Pick<OtlpSpan, 'spanId' | 'parentSpanId' | 'attributes'>[]): Usage | null {
  const parents = new Map(spans.map(({ spanId, parentSpanId }) => [spanId, parentSpanId]));
  const used = new Map(
    spans.flatMap((span) => {
      const usage = usedBy(span.attributes);
      return usage ? [[span.spanId, usage] as const] : [];
    }),
  );
  const sum: Record<string, number> = {};
  for (const [id, usage] of used) {
    const seen = new Set<string>([id]);
    let above = parents.get(id);
    while (above !== undefined && !used.has(above) && !seen.has(above)) {
      seen.add(above);
      above = parents.get(above);
    }
    if (above !== undefined && used.has(above) && above !== id) continue;
    for (const [key, count] of Object.entries(usage)) sum[key] = (sum[key] ?? 0) + count;
  }
  return used.size === 0 ? null : sum;
}
