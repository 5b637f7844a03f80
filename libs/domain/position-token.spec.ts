import { describe, expect, it } from 'vitest';
import { formatPositionToken, parsePositionToken, partitionName } from './position-token.js';

describe('a position', () => {
  it('is read as it was written, each partition once, at its highest', () => {
    const ends = new Map([
      [partitionName('runs', 0), 13],
      [partitionName('telemetry', 15), 992],
    ]);
    expect(formatPositionToken(ends)).toBe('runs/0@13,telemetry/15@992');
    expect(parsePositionToken('runs/0@13,telemetry/15@992')).toEqual(ends);
    expect(parsePositionToken('runs/0@5,,runs/00@13,runs/0@7,telemetry/15@992,')).toEqual(ends);
    expect(parsePositionToken('')).toEqual(new Map());
  });

  it.each([
    'runs',
    'nothing/0@1',
    'runs/0',
    'runs/0@',
    'runs/@1',
    'runs/x@1',
    'xruns/0@1',
    ' runs/0@1',
    'runs/0@1x',
    'runs/0@-1',
    'runs/123456@1',
    'runs/0@1234567890123456',
    'runs/0@1,x',
  ])('that reads %s is refused', (text) => {
    expect(() => parsePositionToken(text)).toThrow(expect.objectContaining({ field: 'position' }) as Error);
  });
});
