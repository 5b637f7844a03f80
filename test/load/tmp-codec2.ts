import { openMetricsRig } from '#libs/metrics/test/metrics-rig.js';
import { trainerBlock } from './figures/trainer.js';
import { readFileSync, readdirSync } from 'node:fs';
const rig = await openMetricsRig();
await rig.family.live();
const codecs = [
  "T64('bit'), ZSTD(1)",
  "T64('bit'), LZ4",
  "Delta, T64('bit'), ZSTD(1)",
  'T64, ZSTD(1)',
  'Gorilla, ZSTD(1)',
];
const old = [
  'Gorilla, ZSTD(1)',
  'ZSTD(1)',
  'ZSTD(3)',
  'FPC(12), ZSTD(1)',
  'FPC(24), ZSTD(1)',
  'ALP',
  'ALP, ZSTD(1)',
  'Gorilla',
  'LZ4',
  'Delta, ZSTD(1)',
  'Delta(4), ZSTD(1)',
  'Gorilla, Huffman',
  'DoubleDelta, ZSTD(1)',
];
for (const [what, from] of [
  ['early', 0],
  ['late', 900_000],
  ['double', 0],
] as const) {
  const N = 1_000_000;
  const block = trainerBlock(from, N, 1, what === 'double' ? 'double' : 'single');
  for (const codec of codecs) {
    const r = await rig.client
      .command(
        `CREATE OR REPLACE TABLE t (s Int64 CODEC(DoubleDelta, ZSTD(1)), value ${codec.includes('T64') ? 'UInt64' : 'Float64'} CODEC(${codec})) ENGINE = MergeTree ORDER BY s SETTINGS min_bytes_for_wide_part=0`,
        { allow_suspicious_codecs: 1, allow_experimental_codecs: 1 },
      )
      .catch((e: Error) => e.message.slice(0, 120));
    if (r) {
      console.log(codec, r);
      continue;
    }
    const t0 = performance.now();
    await rig.client.insertNative(
      't',
      [
        { name: 's', type: 'Int64', data: BigInt64Array.from({ length: N }, (_, i) => BigInt(i)) },
        { name: 'value', type: codec.includes('T64') ? 'UInt64' : 'Float64', data: block.values },
      ],
      N,
    );
    const t1 = performance.now();
    await rig.client.query(
      `SELECT sum(${codec.includes('T64') ? 'reinterpretAsFloat64(value)' : 'value'}) AS s FROM t`,
    );
    const t2 = performance.now();
    const q = await rig.client.query(
      `SELECT toFloat64(sum(column_data_compressed_bytes)) AS b FROM system.parts_columns WHERE active AND table='t' AND column='value'`,
    );
    console.log(
      what,
      codec.padEnd(20),
      (q.f64('b')[0]! / N).toFixed(3),
      'insert',
      (t1 - t0).toFixed(0),
      'read',
      (t2 - t1).toFixed(0),
    );
  }
}
await rig.close();
