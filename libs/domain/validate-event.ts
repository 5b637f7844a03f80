import type { Event, EventData, EventHead, EventName } from '#libs/domain/event.js';
import { kindOf, topicOf } from '#libs/domain/event-table.js';
import { runIdPattern, shapeOf, type Field, type Shape } from '#libs/domain/event-shape.js';
import { isDeeper } from '#libs/domain/json-depth.js';
import { limits } from '#libs/domain/limits.js';
import { Rejection } from '#libs/domain/rejection.js';

const refuse = (field: string, message: string): never => {
  throw new Rejection('INVALID_ARGUMENT', `${field}: ${message}`, field);
};
// C0 controls break terminals, CSV and log lines; tab and newline are allowed in free text only
// and half a surrogate pair is a name that no store can keep
const hasControls = (text: string): boolean => /[\u0000-\u001f\u007f]|\p{Surrogate}/u.test(text);

function checkText(field: string, value: string, charsMax: number): void {
  if (value.length > charsMax) refuse(field, `${value.length} characters; at most ${charsMax} are allowed`);
  // no UTF-8 says it, so it would be accepted here and be unreadable ever after
  if (/\p{Surrogate}/u.test(value)) refuse(field, 'holds half of a character (an unpaired surrogate)');
}

export function checkKey(field: string, key: string): void {
  if (key === '') refuse(field, 'must not be empty');
  checkText(field, key, limits.keyCharsMax);
  if (hasControls(key)) refuse(field, 'must not contain control characters or halves of characters');
}

/** Refuses an envelope that breaks the limits of docs/protocol.md, naming the field. */
export function checkHead(head: EventHead, name: EventName): void {
  if (head.id === '') refuse('id', 'must not be empty; it identifies the event across retries');
  checkText('id', head.id, limits.eventIdCharsMax);
  checkText('source', head.source, limits.sourceCharsMax);
  if (!/^[\x21-\x7e][\x20-\x7e]*$/.test(head.id)) refuse('id', 'must be printable ASCII');
  if (hasControls(head.source)) refuse('source', 'must not contain control characters or halves of characters');
  if (!Number.isSafeInteger(head.timeMs) || Math.abs(head.timeMs) > 8.64e15) refuse('time', 'is not a time');
  if (kindOf(name) === 'project') checkProjectName('subject', head.subject);
  else if (topicOf(name) !== 'catalog') checkRunId('subject', head.subject);
  if (head.writer) checkWriter(head.writer, name);
}

export function checkProjectName(field: string, name: string): void {
  if (name.trim() !== name || name === '')
    refuse(field, 'a project name must not be empty or begin or end with a space');
  checkText(field, name, limits.projectCharsMax);
  if (hasControls(name)) refuse(field, 'must not contain control characters or halves of characters');
}

export function checkRunId(field: string, id: string): void {
  checkText(field, id, limits.runIdCharsMax);
  if (!runIdPattern.test(id))
    refuse(field, `"${id.slice(0, 40)}" is not a run id: letters, digits, ".", "_" and "-" are allowed`);
}

function checkWriter(writer: NonNullable<EventHead['writer']>, name: EventName): void {
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(writer.id))
    refuse('writer.id', 'must be 1 to 64 of letters, digits, ".", "_", ":" and "-"');
  const attemptMin = name === 'RunStarted' ? 0 : 1;
  if (!Number.isSafeInteger(writer.attempt) || writer.attempt < attemptMin || writer.attempt > limits.attemptMax) {
    refuse('writer.attempt', `must be ${attemptMin} to ${limits.attemptMax}`);
  }
  if (!Number.isSafeInteger(writer.rank) || writer.rank < 0 || writer.rank > limits.rankMax) {
    refuse('writer.rank', `must be 0 to ${limits.rankMax}`);
  }
  if (!Number.isSafeInteger(writer.seq) || writer.seq < 1) refuse('writer.seq', 'must be a whole number from 1');
}

/** Refuses a payload that breaks the limits, naming the field as a path below `data`. */
export function checkData<Name extends EventName>(name: Name, data: EventData[Name]): void {
  if (name === 'PointsLogged') checkPoints(data as EventData['PointsLogged']);
  else if (name === 'LinesLogged') checkLines(data as EventData['LinesLogged']);
  else checkShape('data', shapeOf(name), data as Record<string, unknown>);
  if (name === 'ValuesLogged') checkRichValues((data as EventData['ValuesLogged']).values);
  if (name === 'RunStarted' || name === 'RunMoved')
    checkProjectName('data.project', (data as EventData['RunStarted' | 'RunMoved']).project);
}

/** Both: what a projector does with a record that no door has seen. */
export function checkEvent(event: Event): void {
  checkHead(event, event.name);
  checkData(event.name, event.data);
}

function checkPoints(data: EventData['PointsLogged']): void {
  for (const name of ['attemptStartedAtMs', 'rewindTo'] as const)
    if (!Number.isSafeInteger(data[name] ?? 0)) refuse(`data.${name}`, 'must be a whole number within 2^53');
  if (data.blocks.length > limits.blocksPerEventMax)
    refuse('data.blocks', `at most ${limits.blocksPerEventMax} blocks are allowed`);
  data.blocks.forEach((block, index) => {
    const at = `data.blocks[${index}]`;
    if (block.keys.length === 0) refuse(`${at}.keys`, 'must not be empty');
    if (block.steps.length === 0) refuse(`${at}.steps`, 'must not be empty');
    block.keys.forEach((key, k) => checkKey(`${at}.keys[${k}]`, key));
    if (new Set(block.keys).size !== block.keys.length) refuse(`${at}.keys`, 'a key is given twice');
  });
}

function checkLines(data: EventData['LinesLogged']): void {
  if (data.lines.length > limits.linesPerEventMax)
    refuse('data.lines', `at most ${limits.linesPerEventMax} lines are allowed`);
  data.lines.forEach((line, index) => {
    const at = `data.lines[${index}]`;
    if (!Number.isSafeInteger(line.number) || line.number < 1) refuse(`${at}.number`, 'must be a whole number from 1');
    if (line.stream !== 'stdout' && line.stream !== 'stderr') refuse(`${at}.stream`, 'must be "stdout" or "stderr"');
    if (!Number.isSafeInteger(line.timeMs) || Math.abs(line.timeMs) > 8.64e15)
      refuse(`${at}.timeMs`, 'must be a time in whole milliseconds since 1970');
    checkText(`${at}.text`, line.text, limits.lineCharsMax);
  });
}

function checkRichValues(values: EventData['ValuesLogged']['values']): void {
  values.forEach((value, position) => {
    const at = `data.values[${position}]`;
    checkKey(`${at}.key`, value.key);
    const held = [value.text, value.data, value.digest].filter((one) => one.length > 0).length;
    if (held > 1) refuse(`${at}.text`, 'what a value holds is given once: as text, as data or by digest');
    if (held === 0 && value.kind !== 'text' && value.kind !== 'html')
      refuse(`${at}.text`, `of the ${value.kind} nothing is given: it needs a text, data or a digest`);
    if (value.index > 0 && value.index >= value.count)
      refuse(`${at}.index`, `${value.index} is no place among ${Math.max(1, value.count)} values, counted from 0`);
  });
}

function checkShape(at: string, shape: Shape, data: Record<string, unknown>): void {
  for (const [name, field] of Object.entries(shape)) checkField(`${at}.${name}`, field, data[name]);
}

function checkField(at: string, field: Field, value: unknown): void {
  switch (field.kind) {
    case 'text': {
      const text = value as string;
      if (field.required && text === '') refuse(at, 'must not be empty');
      checkText(at, text, field.charsMax);
      if (field.key === true && text.includes('\u0000')) refuse(at, 'must not contain a NUL character');
      if (field.oneOf && !field.oneOf.includes(text))
        refuse(at, `"${text.slice(0, 40)}" is not one of ${field.oneOf.join(', ')}`);
      if (field.pattern && text !== '' && !field.pattern.test(text))
        refuse(at, `"${text.slice(0, 80)}" does not look right (${field.pattern.source})`);
      return;
    }
    case 'integer':
      if (!Number.isSafeInteger(value) || (value as number) < field.min || (value as number) > field.max) {
        refuse(at, `must be a whole number from ${field.min} to ${field.max}`);
      }
      return;
    case 'number':
      if (!field.odd && !Number.isFinite(value)) refuse(at, 'must be a finite number');
      return;
    case 'boolean':
      return;
    case 'bytes':
      if ((value as Uint8Array).length > field.bytesMax)
        refuse(at, `${(value as Uint8Array).length} bytes; at most ${field.bytesMax} are allowed`);
      return;
    case 'texts': {
      const texts = value as readonly string[];
      if (texts.length > field.itemsMax) refuse(at, `at most ${field.itemsMax} entries are allowed`);
      texts.forEach((text, index) => checkText(`${at}[${index}]`, text, field.charsMax));
      return;
    }
    case 'texts-by-key': {
      const entries = Object.entries(value as Record<string, string>);
      if (entries.length > field.itemsMax) refuse(at, `at most ${field.itemsMax} entries are allowed`);
      for (const [key, text] of entries) {
        checkKey(`${at}.${key.slice(0, 60)}`, key);
        checkText(`${at}.${key}`, text, field.charsMax);
      }
      return;
    }
    case 'params':
      checkParams(at, value as EventData['ParamsLogged']['params'], field.itemsMax);
      return;
    case 'object':
      if (value !== null && value !== undefined) checkShape(at, field.shape, value as Record<string, unknown>);
      return;
    case 'objects': {
      const items = value as readonly Record<string, unknown>[];
      if (items.length > field.itemsMax) refuse(at, `at most ${field.itemsMax} entries are allowed`);
      items.forEach((item, index) => checkShape(`${at}[${index}]`, field.shape, item));
      return;
    }
  }
}

function checkParams(at: string, params: EventData['ParamsLogged']['params'], itemsMax: number): void {
  if (params.length > itemsMax) refuse(at, `at most ${itemsMax} entries are allowed`);
  params.forEach((param, index) => {
    checkKey(`${at}[${index}].key`, param.key);
    checkText(`${at}[${index}].json`, param.json, limits.paramValueCharsMax);
    let value: unknown;
    try {
      value = JSON.parse(param.json);
    } catch {
      refuse(`${at}[${index}].json`, `the value of "${param.key}" is not JSON text`);
    }
    if (isDeeper(value, limits.jsonDepthMax))
      refuse(`${at}[${index}].json`, `"${param.key}" is nested more than ${limits.jsonDepthMax} levels deep`);
  });
}
