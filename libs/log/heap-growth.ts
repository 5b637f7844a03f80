import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** For tests: by how many bytes the heap of this thread has grown when something was done so often, all rubbish collected. The first times do not count. */
export async function growthOf(times: number, work: (time: number) => void, warmUp = 3_000): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = async (): Promise<number> => {
    // what a weak reference has held is held until the turn is over
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    return process.memoryUsage().heapUsed;
  };
  for (let time = 0; time < warmUp; time++) work(time);
  const before = await used();
  for (let time = warmUp; time < times; time++) work(time);
  return (await used()) - before;
}
