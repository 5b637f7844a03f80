import { describe, expect, it } from 'vitest';
import { ExactJson, readExactJson, writeExactJson } from './exact-json.js';

describe('exact JSON', () => {
  it.each(['9223372036854775807', '1.0', '[1.0,2.50,-0]', '{"a":12345678901234567890,"b":"1.0"}', '1e3'])(
    'keeps %s to the digit',
    (text) => {
      expect(writeExactJson({ value: readExactJson(text), more: [readExactJson(text)] })).toBe(
        `{"value":${text},"more":[${text}]}`,
      );
    },
  );

  it('leaves ordinary values to JavaScript', () => {
    expect(readExactJson('0.25')).toBe(0.25);
    expect(readExactJson('"a"')).toBe('a');
    expect(writeExactJson({ a: [1, 'x', null] })).toBe('{"a":[1,"x",null]}');
  });

  it('is the nearest value to those who print it themselves', () => {
    expect(JSON.stringify({ value: new ExactJson('1.0') })).toBe('{"value":1}');
  });
});
