import { describe, expect, it } from 'vitest';
import { readProblem, readRows, rowsMax } from '../data/sql.js';
import { columnWidth } from './result-table.js';

const head = '["n","v"]\n["UInt64","Nullable(String)"]\n';

describe('rows of an answer', () => {
  it('come with their names and types, and NULL only where a column can be NULL', async () => {
    const answer = new Response(`${head}["1","a"]\n["ᴺᵁᴸᴸ","ᴺᵁᴸᴸ"]\n`);
    expect(await readRows(answer)).toEqual({
      kind: 'table',
      names: ['n', 'v'],
      types: ['UInt64', 'Nullable(String)'],
      rows: [
        ['1', 'a'],
        ['ᴺᵁᴸᴸ', null],
      ],
      more: false,
    });
  });

  it('end where the page stops to show them', async () => {
    const rows = Array.from({ length: rowsMax + 1 }, (_, n) => `["${n}","x"]`).join('\n');
    const table = await readRows(new Response(`${head}${rows}\n`));
    expect(table).toMatchObject({ kind: 'table', more: true });
    expect(table.kind === 'table' && table.rows.length).toBe(rowsMax);
    const exact = await readRows(new Response(`${head}${rows.split('\n').slice(1).join('\n')}\n`));
    expect(exact).toMatchObject({ kind: 'table', more: false });
  });

  it('are no answer when the engine fails after the first of them', async () => {
    const said =
      '\n__exception__\nrjhptjbhbggqwuai\nCode: 396. DB::Exception: Limit for result exceeded, max rows: 1.00 million. (TOO_MANY_ROWS_OR_BYTES) (version 26.7.2.1)\n149 rjhptjbhbggqwuai\n__exception__\n';
    expect(await readRows(new Response(`${head}["1","a"]\n${said}`))).toEqual({
      kind: 'problem',
      message: 'Limit for result exceeded, max rows: 1.00 million. (TOO_MANY_ROWS_OR_BYTES)',
    });
  });
});

describe('a refusal', () => {
  it('is shown in the words of the engine, without its number and version', () => {
    const text =
      'Code: 47. DB::Exception: Unknown expression identifier `x` in scope SELECT x. (UNKNOWN_IDENTIFIER) (version 26.7.2.1)\n';
    expect(readProblem(text, 404)).toBe('Unknown expression identifier `x` in scope SELECT x. (UNKNOWN_IDENTIFIER)');
    const official = 'Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR) (version 25.3.1.1 (official build))';
    expect(readProblem(official, 400)).toBe('Syntax error. (SYNTAX_ERROR)');
  });
  it('of our own door is its message', () => {
    expect(readProblem('{"code":"NOT_FOUND","message":"SQL is \\"not\\" offered here"}', 404)).toBe(
      'SQL is "not" offered here',
    );
    expect(readProblem('', 502)).toBe('The server answered with status 502.');
  });
});

describe('columnWidth', () => {
  it('fits what is there, within reason', () => {
    expect(columnWidth('n', ['1'])).toBe(80);
    expect(columnWidth('text', ['x'.repeat(30)])).toBeGreaterThan(200);
    expect(columnWidth('text', ['x'.repeat(3000)])).toBe(420);
  });
});
