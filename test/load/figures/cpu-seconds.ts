import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = 100;

/** CPU seconds of a process and all below it. */
export function cpuSeconds(pid: number): number {
  const processes = readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      return [{ pid: Number(name), parent: fields[1]!, ticks: fields[11]! + fields[12]! }];
    } catch {
      return []; // it has just ended
    }
  });
  const below = new Set([pid]);
  for (let grown = true; grown;) {
    grown = false;
    for (const each of processes)
      if (below.has(each.parent) && !below.has(each.pid)) grown = below.add(each.pid).size > 0;
  }
  const ticks = processes.filter((each) => below.has(each.pid)).reduce((sum, each) => sum + each.ticks, 0);
  return ticks / ticksPerSecond;
}
