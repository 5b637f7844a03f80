import { beforeEach, describe, expect, it } from 'vitest';
import { blockOf, TelemetrySaid, w } from '../test/telemetry-said.js';
import { SeqLedger } from './seq-ledger.js';
import { telemetryRows } from './telemetry-rows.js';

describe('what a batch of telemetry adds', () => {
  let log: TelemetrySaid;
  let ledger: SeqLedger;
  beforeEach(() => {
    log = new TelemetrySaid();
    ledger = new SeqLedger();
  });
  const rows = () => telemetryRows(log.take(), ledger);

  it('is a summary for each run and metric, over all of its blocks and events', () => {
    log.points('a', w(1), 10, [blockOf(['loss', 'acc'], [1, 2], [5, 4, 0.1, 0.2]), blockOf(['loss'], [3], [6])]);
    log.points('a', w(2), 11, [blockOf(['acc'], [4], [0.3])]);
    log.points('b', w(1), 12, [blockOf(['loss'], [7], [1])]);
    expect(rows().summaries).toMatchObject([
      { run: 'a', key: 'loss', count: 3, last: 6, last_step: 3, last_seq: 1, min: 4, min_step: 2, max: 6, max_step: 3 },
      { run: 'a', key: 'acc', count: 3, last: 0.3, last_step: 4, last_seq: 2, min: 0.1, max: 0.3 },
      { run: 'b', key: 'loss', count: 1, last: 1, last_step: 7 },
    ]);
  });

  it('counts what is sent again once, and takes it for no sign of life', () => {
    const loss = [blockOf(['loss'], [1], [5])];
    log.points('a', w(1), 10, loss);
    log.points('a', w(1), 20, loss);
    expect(rows()).toMatchObject({ summaries: [{ count: 1 }], seen: [{ run: 'a', seen_at: 10 }] });
    log.points('a', w(1), 30, loss);
    expect(rows()).toEqual({ summaries: [], seen: [], beats: [] });
  });

  it('knows an attempt by when it began and by its number', () => {
    log.points('a', w(1, { attempt: 2, rank: 3 }), 10, [blockOf(['loss'], [1], [2])], 500);
    log.points('a', w(1, { attempt: 1, rank: 4 }), 10, [blockOf(['loss'], [1], [1])], 600);
    const { last_time, ...last } = rows().summaries[0]!;
    expect(last).toMatchObject({ last: 1, last_started: 600, last_attempt: 1, last_rank: 4, last_seq: 1 });
    expect(last_time).toBe(1_002);
    expect(ledger.changed().rows).toMatchObject([{ attempt: 2, rank: 3 }, { attempt: 1, rank: 4 }]); // prettier-ignore
  });

  it('takes who says nothing of itself for the first attempt, of rank 0, in the order of the log', () => {
    const records = [7, 8, 6].map((value) => log.points('b', null, 10, [blockOf(['loss'], [1], [value])]));
    expect(rows().summaries).toMatchObject([
      { last: 6, last_started: 0, last_attempt: 1, last_rank: 0, last_seq: 3, last_time: records[2]!.event.timeMs },
    ]);
    expect(ledger.changed().ids.map(({ id }) => id)).toEqual(records.map(({ event }) => event.id));
  });

  it('takes no step of the machine for one of the training', () => {
    log.points('a', w(1), 10, [blockOf(['loss'], [5], [1]), blockOf(['system/cpu', '_time'], [1_800_000_000], [1, 1])]);
    log.points('a', w(1, { id: 'v' }), 10, [blockOf(['system/cpu'], [1_800_000_000], [1])]);
    log.points('a', w(1, { id: 'x' }), 10, [blockOf(['system/cpu', 'loss'], [7], [1, 1])]);
    expect(rows().summaries.map(({ key }) => key)).toEqual(['loss', 'system/cpu', '_time']);
    expect(ledger.changed().rows).toMatchObject([
      { writer: 'w', first_step: 5, last_step: 5 },
      { writer: 'v', first_step: null, last_step: null },
      { writer: 'x', first_step: 7, last_step: 7 },
    ]);
  });

  it('says the first and the last step of each writer', () => {
    log.points('a', w(1), 10, [blockOf(['loss'], [5, 9, 4], [1, 1, 1]), blockOf(['loss'], [3, 8], [1, 1])]);
    log.points('a', w(1, { id: 'v' }), 10, [blockOf(['loss'], [6], [1])]);
    log.points('a', w(1, { id: 'x' }), 10, []);
    rows();
    expect(ledger.changed().rows).toMatchObject([
      { writer: 'w', first_step: 3, last_step: 9 },
      { writer: 'v', first_step: 6, last_step: 6 },
      { writer: 'x', first_step: null, last_step: null },
    ]);
  });

  it('takes lines and heartbeats for signs of life and for nothing else; the newest counts, in whatever order', () => {
    log.say('LinesLogged', 'a', w(1), 30, { lines: [] });
    for (const [seq, at] of [[2, 50], [3, 40]] as const) log.say('HeartbeatSent', 'a', w(seq), at); // prettier-ignore
    log.say('HeartbeatSent', 'a', w(1, { attempt: 2 }), 45);
    log.say('HeartbeatSent', 'b', w(1), 20);
    log.say('HeartbeatSent', 'c', null, 15);
    log.points('b', w(2), 60, [blockOf(['loss'], [1], [1])]);
    const { summaries, seen, beats } = rows();
    expect(summaries).toMatchObject([{ run: 'b', key: 'loss' }]);
    expect(seen).toEqual([
      { run: 'a', seen_at: 50 },
      { run: 'b', seen_at: 60 },
      { run: 'c', seen_at: 15 },
    ]);
    expect(beats).toEqual([
      { run: 'a', attempt: 1, beat_at: 50 },
      { run: 'a', attempt: 2, beat_at: 45 },
      { run: 'b', attempt: 1, beat_at: 20 },
      { run: 'c', attempt: 1, beat_at: 15 },
    ]);
  });
});
