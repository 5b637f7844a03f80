import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Energy, readAmdGpus, readSmiLine, type Gpu } from './gpus.js';
import type { Files } from './machine-files.js';
import { Host, ProcessTree, type Sample } from './machine.js';

const folder = new URL('../../docs/system-metrics/', import.meta.url);

interface Example {
  readonly kind: 'host' | 'processes' | 'gpus' | 'nvidia-smi';
  readonly expected: Sample;
  readonly readings?: readonly { readonly at: number; readonly files: Readonly<Record<string, string>> }[];
  readonly disk?: readonly [number, number] | null;
  readonly load?: number | null;
  readonly pid?: number;
  readonly without?: number;
  readonly ticksPerS?: number;
  readonly pageBytes?: number;
  readonly text?: string;
}

function filesOf(texts: ReadonlyMap<string, string>): Files {
  return {
    read: (path) => texts.get(path) ?? null,
    names(path) {
      const inside = [...texts.keys()].filter((known) => known.startsWith(`${path}/`));
      return [...new Set(inside.map((known) => known.slice(path.length + 1).split('/')[0]!))].sort();
    },
  };
}

function readerOf(example: Example, files: Files): (at: number) => Sample {
  if (example.kind === 'host') {
    const host = new Host(files);
    return (at) => host.read(at, example.disk ?? null, example.load ?? null);
  }
  if (example.kind === 'processes') {
    const { pid, without, ticksPerS, pageBytes } = example as Required<Example>;
    const tree = new ProcessTree(files, { pid, without, ticksPerS, pageBytes });
    return (at) => tree.read(at);
  }
  const energy = new Energy();
  return (at) => energy.metrics(readAmdGpus(files), at);
}

describe('what is measured of a machine', () => {
  it.each(readdirSync(folder))('%s is read as it says', (file) => {
    const example = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Example;
    let values: Sample = {};
    if (example.text !== undefined) {
      const gpus = new Map<number, Gpu>();
      for (const line of example.text.split('\n')) {
        const told = readSmiLine(line);
        if (told) gpus.set(...told);
      }
      values = new Energy().metrics([...gpus.values()], 0);
      delete values['system/energy_kwh']; // of one moment
    }
    const texts = new Map<string, string>();
    const read = readerOf(example, filesOf(texts));
    for (const { at, files } of example.readings ?? []) {
      for (const [path, text] of Object.entries(files)) texts.set(path, text);
      values = read(at);
    }
    const close = Object.entries(example.expected).map(([key, value]) => [key, expect.closeTo(value, 6) as number]);
    expect(values).toEqual(Object.fromEntries(close));
  });
});
