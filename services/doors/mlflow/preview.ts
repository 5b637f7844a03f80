import { isObject, jsonOf, type JsonObject } from '#libs/domain/plain-json.js';

const previewCharsMax = 1_000;

/** What a list of traces shows of what went in or out: of messages the last one of a role, else all of it; as MLflow cuts it. */
export function previewOf(text: string, role: 'user' | 'assistant'): string {
  const content = messageText(messagesIn(jsonOf(text)), role) || text;
  if (content.length <= previewCharsMax) return content;
  // not in the middle of a character
  return `${content.slice(0, previewCharsMax - 3).replace(/\p{Surrogate}$/u, '')}...`;
}

const isMessage = (value: unknown): value is JsonObject => isObject(value) && 'role' in value && 'content' in value;

/** In the requests and answers of OpenAI's interfaces. */
function messagesIn(value: unknown): readonly JsonObject[] {
  if (!isObject(value)) return [];
  if (Array.isArray(value['messages'])) return value['messages'].filter(isMessage);
  const choice: unknown = Array.isArray(value['choices']) ? value['choices'][0] : null;
  if (isObject(choice) && isMessage(choice['message'])) return [choice['message']];
  for (const key of ['input', 'output'])
    if (Array.isArray(value[key]) && value[key].length > 0) return value[key].filter(isMessage);
  return messagesIn(value['request']);
}

function messageText(messages: readonly JsonObject[], role: string): string {
  const content = (messages.findLast((message) => message['role'] === role) ?? messages.at(-1))?.['content'];
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const part: unknown = content.find(
    (each) => typeof each === 'string' || (isObject(each) && ['text', 'output_text'].includes(String(each['type']))),
  );
  if (typeof part === 'string') return part;
  return isObject(part) && typeof part['text'] === 'string' ? part['text'] : '';
}
