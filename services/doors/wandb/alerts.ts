import { limits } from '#libs/domain/limits.js';
import { Rejection } from '#libs/domain/rejection.js';
import { mediaEvent } from '../shared/media-event.js';
import { lastStepOf, type KnownRun } from './known-run.js';
import { wellFormed } from './well-formed.js';

/** The key under which a run's alerts are texts among its media, and what tells them from what a program logged under it. */
const alertsKey = 'alerts';
export const alertFact = 'wandb.alert';

export interface AlertInput {
  readonly title: string;
  readonly text: string;
  readonly severity?: string | null;
  /** Ms in which another one of this title is not to be told. */
  readonly waitDuration?: number | null;
}
const titlesMax = 10_000;

/** What a program wants people to hear: kept with its run, at the step it has come to. */
export class Alerts {
  private readonly toldAt = new Map<string, number>();

  async tell(known: KnownRun, { title, text, severity, waitDuration }: AlertInput): Promise<void> {
    const { world, run } = known;
    const { id } = run.state;
    if (title === '' || title.length > limits.nameCharsMax)
      throw new Rejection('INVALID_ARGUMENT', `title: must be 1 to ${limits.nameCharsMax} characters`, 'title');
    if (text.length > limits.richTextCharsMax - 1_000)
      throw new Rejection('INVALID_ARGUMENT', `text: has ${text.length} characters; too many`, 'text');
    const now = world.backend.clock();
    const words = `${id} ${title}`;
    if (now - (this.toldAt.get(words) ?? -Infinity) < (waitDuration ?? 0)) return;
    const level = severity ?? 'INFO';
    const event = mediaEvent(id, world.backend.newId(), {
      key: alertsKey,
      kind: 'text',
      mime: 'text/plain',
      step: Math.max(0, lastStepOf(known)),
      timeMs: now,
      text: wellFormed(`${level}: ${title}\n${text}`),
      caption: wellFormed(`${level}: ${title}`),
      facts: { [alertFact]: level },
    });
    if (event) await world.log.tell(event);
    if (this.toldAt.size >= titlesMax) this.toldAt.clear();
    this.toldAt.set(words, now);
  }
}
