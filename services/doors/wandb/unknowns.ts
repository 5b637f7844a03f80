import { Counter, type Registry } from 'prom-client';
import type { Logger } from '#libs/observability/logger.js';

/** Names come from clients: so many of them are counted each by itself. */
const namesMax = 200;

/** What clients ask for or send that this door does not know: left out of the answer, and counted. */
export class Unknowns {
  private readonly counter: Counter<'what'>;
  private readonly names = new Set<string>();

  constructor(
    registry: Registry,
    private readonly logger: Logger,
  ) {
    this.counter = new Counter({
      name: 'runstream_wandb_unknown_total',
      help: "Fields and inputs of W&B's clients that were left out because this server does not know them.",
      labelNames: ['what'],
      registers: [registry],
    });
  }

  readonly count = (what: string): void => {
    const known = this.names.has(what);
    if (!known && this.names.size < namesMax) {
      this.names.add(what);
      this.logger.info('a W&B client says what is not known here', { what });
    }
    this.counter.inc({ what: known || this.names.has(what) ? what : 'other' });
  };
}
