import { describe, expect, it } from 'vitest';
import { plainValue } from '#libs/runs/span-text.js';
import type { OtlpSpan } from './otlp-spans.js';
import { previewOf } from './preview.js';
import { translated, usedTogether } from './span-conventions.js';

const span = (attributes: Readonly<Record<string, string | number>>, more: Partial<OtlpSpan> = {}): OtlpSpan => ({
  ...{
    traceId: 'a',
    spanId: '1',
    name: 's',
    kind: 0,
    startTimeUnixNano: '1',
    endTimeUnixNano: '2',
    status: { code: 1 },
  },
  attributes: Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  })),
  ...more,
});
const said = (of: OtlpSpan): Record<string, unknown> =>
  Object.fromEntries(
    translated(of)
      .attributes.filter(({ key }) => key.startsWith('mlflow.'))
      .map(({ key, value }) => [key, JSON.parse(String(plainValue(value))) as unknown]),
  );

describe('spans of other exporters', () => {
  it('are not what every object has by its name', () => {
    for (const kind of ['constructor', 'toString', '__proto__'])
      expect(said(span({ 'traceloop.span.kind': kind, 'gen_ai.operation.name': kind }))).toEqual({});
  });

  it('are told in the words of MLflow, by whichever convention', () => {
    const usage = { input_tokens: 3, output_tokens: 4, total_tokens: 7 };
    const openInference = { 'openinference.span.kind': 'LLM', 'input.value': 'why', 'output.value': '{"a":1}' };
    expect(said(span({ ...openInference, 'llm.token_count.prompt': 3, 'llm.token_count.completion': 4 }))).toEqual({
      ...{ 'mlflow.spanType': 'LLM', 'mlflow.spanInputs': 'why', 'mlflow.spanOutputs': { a: 1 } },
      'mlflow.chat.tokenUsage': usage,
    });
    const genAi = { 'gen_ai.operation.name': 'chat', 'gen_ai.input.messages': '[1]', 'gen_ai.request.model': 'small' };
    expect(said(span({ ...genAi, 'gen_ai.usage.input_tokens': '3', 'gen_ai.usage.output_tokens': 4 }))).toEqual({
      ...{ 'mlflow.spanType': 'CHAT_MODEL', 'mlflow.spanInputs': [1], 'mlflow.llm.model': 'small' },
      'mlflow.chat.tokenUsage': usage,
    });
    const traceloop = { 'traceloop.span.kind': 'workflow', 'gen_ai.prompt.0.content': 'hi', 'gen_ai.system': 'x' };
    expect(said(span({ ...traceloop, 'llm.usage.total_tokens': 9 }))).toEqual({
      ...{ 'mlflow.spanType': 'WORKFLOW', 'mlflow.spanInputs': 'hi', 'mlflow.llm.provider': 'x' },
      'mlflow.chat.tokenUsage': { total_tokens: 9 },
    });
  });

  it("keep what they say in MLflow's words, and are left alone where they say nothing", () => {
    const own = { 'mlflow.spanInputs': '"own"', 'mlflow.spanType': '"TOOL"' };
    expect(said(span({ ...own, 'input.value': 'other', 'openinference.span.kind': 'LLM' }))).toEqual({
      ...{ 'mlflow.spanInputs': 'own', 'mlflow.spanType': 'TOOL' },
    });
    const plain = span({ a: 'b', 'input.value': '{}', 'gen_ai.usage.input_tokens': 'many' });
    expect(translated(plain)).toBe(plain);
  });

  it('sum up what they used, a span that speaks for those below it once', () => {
    const used = (spanId: string, parentSpanId: string | undefined, input: number) =>
      translated(span({ 'gen_ai.usage.input_tokens': input }, { spanId, ...(parentSpanId ? { parentSpanId } : {}) }));
    const silent = span({}, { spanId: '2', parentSpanId: '1' });
    expect(usedTogether([silent, used('3', '2', 5), used('4', '2', 6)])).toEqual({ input_tokens: 11 });
    expect(usedTogether([used('1', undefined, 20), silent, used('3', '2', 5)])).toEqual({ input_tokens: 20 });
    expect(usedTogether([silent])).toBeNull();
  });

  it('a preview is the last message of who asked or answered, else the beginning of everything', () => {
    const messages = ['one', 'two'].map((content) => ({ role: 'user', content }));
    const chat = JSON.stringify({ messages: [...messages, { role: 'system', content: 'x' }] });
    expect(previewOf(chat, 'user')).toBe('two');
    expect(
      previewOf('{"choices":[{"message":{"role":"assistant","content":[{"type":"text","text":"t"}]}}]}', 'assistant'),
    ).toBe('t');
    expect(previewOf('[{"role":"user","content":"Hello"}]', 'user')).toContain('Hello');
    expect(previewOf('x'.repeat(2_000), 'user')).toBe(`${'x'.repeat(997)}...`);
  });
});
