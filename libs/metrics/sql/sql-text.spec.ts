import { describe, expect, it } from 'vitest';
import { checkNoFile } from './sql-text.js';
import { sqlStatus } from './sql-status.js';

const refused = (sql: string, params?: Record<string, string>): boolean => {
  try {
    checkNoFile(sql, params);
    return false;
  } catch {
    return true;
  }
};

describe('SQL of people', () => {
  it.each([
    "SELECT file('/etc/passwd')",
    'SELECT FILE ("x")',
    'SELECT "file"(\'x\')',
    "SELECT `fi\\x6ce`('x')",
    "SELECT 'it''s', file('x')",
    "SELECT 'a\\'', file('x'), 'b'",
    "SELECT file/**/('x')",
    "/* ' */ SELECT file('x') /* ' */",
    "-- '\nSELECT file('x') -- '",
    "SELECT $$'$$, file('x'), $$'$$",
    "SELECT \u2018'\u2019, file('x'), \u2018'\u2019",
    'SELECT "\'", file(\'x\'), "\'"',
    "SELECT p APPLY file FROM (SELECT 'x' AS p)",
    "SELECT * FROM file('x', CSV)",
    "SELECT '\nfile', file('x')",
  ])('does not reach file(): %s', (sql) => expect(refused(sql)).toBe(true));

  it('may say the word in a text, and in longer names', () => {
    for (const sql of [
      "SELECT * FROM metrics WHERE key = 'file'",
      'SELECT profile, files FROM runs',
      "SELECT 'don''t \\' file'",
    ])
      expect(refused(sql), sql).toBe(false);
    expect(refused('SELECT {name:String}', { name: 'file' })).toBe(false);
    expect(refused("SELECT {name:Identifier}('x')", { name: 'file' })).toBe(true);
  });

  it('is answered by whose fault it is', () => {
    expect(sqlStatus(200, undefined)).toBe(200);
    expect(sqlStatus(404, '60')).toBe(404);
    expect(sqlStatus(408, '159')).toBe(400);
    for (const code of ['62', '153', '158', '159', '241', '396']) expect(sqlStatus(500, code)).toBe(400);
    expect(sqlStatus(500, '202')).toBe(429);
    expect(sqlStatus(500, '49')).toBe(503);
    expect(sqlStatus(500, undefined)).toBe(503);
  });
});
