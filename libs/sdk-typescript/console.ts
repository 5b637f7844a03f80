import { StringDecoder } from 'node:string_decoder';
import { Screen } from './screen.js';

const tickMs = 500;

/** What is written to process.stdout and process.stderr, as lines; `stop` gives them back. What is printed always goes on. */
export function captureConsole(keep: (stream: number, line: string) => void): () => void {
  const captured = [process.stdout, process.stderr].map((stream, tag) => {
    const original = Reflect.get(stream, 'write') as (...words: unknown[]) => boolean;
    const screen = new Screen((line) => keep(tag, line));
    const decoder = new StringDecoder('utf8');
    const take = (chunk: string | Uint8Array): void => {
      try {
        screen.feed(typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk)));
      } catch {
        // an odd chunk: the stream itself says what is wrong with it
      }
    };
    const write = function (this: unknown, chunk: string | Uint8Array, ...more: never[]): boolean {
      take(chunk);
      return original.call(stream, chunk, ...more);
    };
    stream.write = write;
    const stop = (): void => {
      screen.finish();
      if (Reflect.get(stream, 'write') === write) Reflect.set(stream, 'write', original);
    };
    return { screen, stop };
  });
  const timer = setInterval(() => captured.forEach(({ screen }) => screen.tick()), tickMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    captured.forEach(({ stop }) => stop());
  };
}
