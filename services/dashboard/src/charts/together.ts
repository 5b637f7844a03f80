/** How long a question waits for others like it: charts that become visible together ask within one turn of the page. */
const gatherMs = 5;

/**
 * Joins questions that differ in their key only into one, so that a screen of charts costs one request. `ask` answers for several keys
 * at once; `keysMax` says how many may be asked so; `divisible` tells an answer that might be another one for fewer keys.
 */
export class Together<Same, Answer> {
  private readonly open = new Map<string, { readonly keys: Set<string>; readonly answer: Promise<Answer> }>();

  constructor(
    private readonly ask: (same: Same, keys: readonly string[]) => Promise<Answer>,
    private readonly keysMax: (same: Same) => number,
    private readonly divisible: (answer: Answer) => boolean,
  ) {}

  /** The answer of all that were asked together, this key's among them. */
  async answer(same: Same, key: string): Promise<Answer> {
    const name = JSON.stringify(same);
    let group = this.open.get(name);
    if (!group || (group.keys.size >= this.keysMax(same) && !group.keys.has(key))) {
      group = this.gather(name, same);
      this.open.set(name, group);
    }
    const { keys, answer } = group;
    keys.add(key);
    const given = await answer;
    // what was too much together may be fine alone, and what is wrong with one key is not the others' fault
    return keys.size > 1 && this.divisible(given) ? this.ask(same, [key]) : given;
  }

  private gather(name: string, same: Same) {
    const keys = new Set<string>();
    const group = {
      keys,
      answer: new Promise<void>((resolve) => setTimeout(resolve, gatherMs)).then(() => {
        if (this.open.get(name) === group) this.open.delete(name);
        return this.ask(same, [...keys]);
      }),
    };
    return group;
  }
}
