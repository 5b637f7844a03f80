/**
 * An async iterable whose `return()` aborts a waiting `next()` at once. A plain async generator can't do that: its return() waits
 * until the pending next() settles, so a subscriber that leaves a quiet run would never be let go.
 */
export function abortableSource<T>(run: (signal: AbortSignal) => AsyncIterable<T>): AsyncIterableIterator<T> {
  const controller = new AbortController();
  const done: IteratorReturnResult<undefined> = { done: true, value: undefined };
  let inner: AsyncIterator<T> | null = null;
  const aborted = new Promise<IteratorResult<T>>((resolve) => {
    controller.signal.addEventListener('abort', () => resolve(done), { once: true });
  });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (controller.signal.aborted) return done;
      inner ??= run(controller.signal)[Symbol.asyncIterator]();
      return Promise.race([inner.next(), aborted]);
    },
    async return() {
      controller.abort();
      // the generator unwinds by itself once its wait has seen the signal; nobody waits for it
      void inner?.return?.().then(undefined, () => undefined);
      return done;
    },
    async throw(error: unknown) {
      controller.abort();
      throw error;
    },
  };
}
