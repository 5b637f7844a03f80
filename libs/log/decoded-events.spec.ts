import { describe, expect, it } from 'vitest';
import type { EventData } from '#libs/domain/event.js';
import { DecodedEvents } from './decoded-events.js';
import { growthOf } from './heap-growth.js';
import { encodeEvent, readEvent, toRecord } from './event-record.js';

const data = (description: string): EventData['ProjectCreated'] => ({ description, tags: {}, world: '', title: '' });

describe('decoded events', () => {
  it('are kept for the newest payloads within the budget', () => {
    const events = new DecodedEvents(100);
    const payloads = Array.from({ length: 10_000 }, () => new Uint8Array(30));
    for (const payload of payloads) events.remember(payload, { data: data('x') });
    expect(payloads.filter((payload) => events.get(payload))).toEqual(payloads.slice(-3));
  });

  it('count once however often they are remembered, say what was said last, and fill the budget to the byte', () => {
    const events = new DecodedEvents(100);
    const [first, second] = [new Uint8Array(50), new Uint8Array(50)];
    for (const text of ['a', 'b', 'c']) events.remember(first, { data: data(text) });
    events.remember(second, { data: data('d') });
    expect([events.get(first)?.data, events.get(second)?.data]).toEqual([data('c'), data('d')]);
    events.remember(new Uint8Array(1), { data: data('e') });
    expect([events.get(first), events.get(second)?.data]).toEqual([undefined, data('d')]);
  });

  it('leave nothing behind, however many have come and gone', async () => {
    const events = new DecodedEvents(100);
    const decoded = { data: data('x') };
    const grown = await growthOf(500_000, () => events.remember(new Uint8Array(30), decoded));
    expect(grown).toBeLessThan(2_000_000);
  });

  it('move with their payload to the copy that the log keeps, and leave with it', () => {
    const events = new DecodedEvents(100);
    const [sent, stored] = [new Uint8Array(60), new Uint8Array(60)];
    events.remember(sent, { data: data('mine') });
    events.moved(sent, stored);
    expect(events.get(sent)).toBeUndefined();
    expect(events.get(stored)?.data).toEqual(data('mine'));
    events.remember(new Uint8Array(60), { data: data('other') });
    expect(events.get(stored)).toBeUndefined();
  });

  it('are not kept for empty payloads, which may be one and the same array', () => {
    const events = new DecodedEvents(100);
    const empty = new Uint8Array(0);
    events.remember(empty, { data: data('mine') });
    expect(events.get(empty)).toBeUndefined();
  });

  it('are never taken for those of a record with the same bytes and other headers', () => {
    const head = { id: 'a', source: 's', subject: 'one', timeMs: 1, writer: null, reply: false };
    const record = { ...toRecord(encodeEvent(head, 'ProjectCreated', data('x')), () => 1), offset: 0, appendedAt: 1 };
    expect(readEvent(record).subject).toBe('one');
    expect(readEvent(record)).toBe(readEvent(record));
    const other = { ...record, headers: { ...record.headers, ce_subject: 'two' } };
    expect(readEvent(other)).toMatchObject({ subject: 'two', data: data('x') });
  });
});
