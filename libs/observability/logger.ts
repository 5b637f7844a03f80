export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
const order: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** What the program says about itself: one line per message, fields as key=value. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export function createLogger(level: LogLevel, write: (line: string) => void, clock: () => number): Logger {
  const say =
    (own: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      if (order.indexOf(own) < order.indexOf(level)) return;
      const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${format(value)}`);
      write(`${new Date(clock()).toISOString()} ${own.toUpperCase().padEnd(5)} ${message}${rest.join('')}\n`);
    };
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}

function format(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.stack ?? value.message);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return typeof value === 'string' && /[\s"=]/.test(text) ? JSON.stringify(text) : (text ?? 'undefined');
}
