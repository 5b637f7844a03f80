import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ArtifactItem } from './batches.js';
import type { Message } from './wire.js';

/** A part of a request: a range of the spool, or something the sender says itself. */
export type Plan =
  | {
      /** By the name of its position; absent: of what was logged. */
      readonly source?: 'position' | 'system' | undefined;
      readonly from: number;
      readonly to: number;
      readonly telemetrySeq: number;
      readonly runsSeq: number;
    }
  | {
      readonly say: string;
      readonly data: Message;
      readonly timeMs: number;
      readonly seq: number;
      readonly artifact?: string | undefined;
      /** To be uploaded once this is said. */
      readonly file?: ArtifactItem | undefined;
      /** The artifact could not be delivered; its bytes stay. */
      readonly failed?: boolean | undefined;
      /** It is what the run's energy came to. */
      readonly energy?: boolean | undefined;
    };

/** What the sender itself has to say. */
export interface Said {
  readonly name: string;
  readonly data: Message;
  readonly timeMs: number;
  readonly artifact?: string;
  /** To be uploaded once this is said. */
  readonly file?: ArtifactItem;
  readonly failed?: boolean;
  readonly energy?: boolean;
}

export interface JournalState {
  attempt: number;
  position: number;
  telemetrySeq: number;
  runsSeq: number;
  records: number;
  lastStep: number;
  plans: Plan[];
  artifacts: ArtifactItem[];
  finished: boolean;
  environment: boolean;
  /** Steps of the run before this attempt; null: not asked yet. */
  base: number | null;
  /** When the attempt began, as the answer to its start said. */
  beganAtMs: number;
  /** The heartbeat that asks for it: [time, seq], numbered before it is sent. */
  beat: readonly [number, number] | null;
  /** How often the start was said anew under another name. */
  tries: number;
  /** Records that could not be encoded. */
  setAside: number;
  /** Files that could not be delivered. */
  failed: ArtifactItem[];
  /** Position in the samples of the system, and how many were not kept. */
  system: number;
  unsampled: number;
  /** Whether the energy was said. */
  energy: boolean;
}

const compactBytes = 1024 * 1024;

/** What the sender must remember: which numbers stand for which data, written down before the data is sent. The last whole line counts. */
export class Journal {
  readonly state: JournalState = {
    attempt: 0,
    position: 0,
    telemetrySeq: 0,
    runsSeq: 0,
    records: 0,
    lastStep: 0,
    plans: [],
    artifacts: [],
    finished: false,
    environment: false,
    base: null,
    beganAtMs: 0,
    beat: null,
    tries: 0,
    setAside: 0,
    failed: [],
    system: 0,
    unsampled: 0,
    energy: false,
  };
  readonly #path: string;
  #size = compactBytes; // starts with a fresh file, without a torn last line
  #fd = -1;

  constructor(folder: string) {
    this.#path = join(folder, 'journal');
    const lines = readIfThere(this.#path).split('\n').slice(0, -1);
    if (lines.length > 0) Object.assign(this.state, JSON.parse(lines.at(-1)!));
  }

  save(): void {
    const line = `${JSON.stringify(this.state)}\n`;
    if (this.#size >= compactBytes) {
      const fd = openSync(`${this.#path}.new`, 'w', 0o600);
      writeSync(fd, line);
      fsyncSync(fd);
      renameSync(`${this.#path}.new`, this.#path);
      if (this.#fd >= 0) closeSync(this.#fd);
      this.#fd = fd;
      this.#size = line.length;
    } else {
      writeSync(this.#fd, line);
      this.#size += line.length;
    }
  }
}

export function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
