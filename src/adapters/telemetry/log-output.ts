import type { Writable } from 'node:stream';
import { printable } from '../../core/text.ts';

/** The kinds of log lines, the first to be dropped first. */
export const lineKinds = ['request', 'log', 'audit', 'checkpoint'] as const;
export type LineKind = (typeof lineKinds)[number];

/** How many lines of each kind were dropped. */
export type DroppedLines = Readonly<Record<LineKind, number>>;

/** Takes log lines and never makes the caller wait. */
export type LogOutput = {
  write(kind: LineKind, line: string): void;
  /** Dropped since the process began. */
  readonly dropped: DroppedLines;
  /** Resolves when all lines are written, or after `ms` milliseconds. */
  flush(ms: number): Promise<void>;
};

export type BoundedOutputOptions = {
  /** `process.stdout`: on a pipe or a socket Node writes to it without blocking. */
  readonly stream: Writable;
  /** How much may wait for a reader that does not read, in characters (one or two bytes of memory each). */
  readonly maxWaiting: number;
  /** Called with what was dropped since the last call, as soon as lines flow again. */
  readonly onFlowing: (dropped: DroppedLines) => void;
};

// What is handed to the stream at a time while its reader lags. Lines already handed over can no longer be dropped.
const pieceLength = 64 * 1024;

/** Writes lines to a stream without blocking and in bounded memory. What one turn of the event loop logs is
 *  written at its end in one piece, so that a line costs no system call of its own. While the reader lags, lines wait;
 *  when `maxWaiting` is reached, the newest line of the least important kind is dropped, and counted. */
export class BoundedOutput implements LogOutput {
  readonly #options: BoundedOutputOptions;
  readonly #waiting = lineKinds.map(() => new Lines());
  readonly #dropped = noneDropped();
  #reported = noneDropped();
  #turn = '';
  #length = 0;
  #order = 0;
  /** Whether the stream still has what it was given last. */
  #busy = false;
  #broken = false;
  #flushed: (() => void)[] = [];

  constructor(options: BoundedOutputOptions) {
    this.#options = options;
    // EPIPE and its like. Without a listener they would end the process.
    options.stream.on('error', () => this.#break());
  }

  get dropped(): DroppedLines {
    return { ...this.#dropped };
  }

  write(kind: LineKind, line: string): void {
    if (this.#broken) this.#dropped[kind] += 1;
    else if (this.#busy) this.#wait(kind, line);
    else {
      if (this.#turn === '') setImmediate(() => this.writeTurn());
      this.#turn += line;
    }
  }

  /** Hands over what this turn has logged, now. */
  writeTurn(): void {
    const lines = this.#turn;
    this.#turn = '';
    if (lines !== '') this.#handOver(lines);
  }

  async flush(ms: number): Promise<void> {
    this.writeTurn();
    if (!this.#busy) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flushed.push(resolve);
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }

  #handOver(text: string): void {
    this.#busy = true;
    this.#options.stream.write(printable(text), this.#onWritten);
  }

  readonly #onWritten = (error?: Error | null): void => {
    this.#busy = false;
    if (error) this.#break();
    else this.#goOn();
  };

  #goOn(): void {
    const piece = this.#nextPiece();
    if (piece !== '') {
      this.#handOver(piece);
      return;
    }
    this.#reportDropped();
    if (this.#turn !== '') return;
    for (const flushed of this.#flushed.splice(0)) flushed();
  }

  #wait(kind: LineKind, line: string): void {
    const rank = lineKinds.indexOf(kind);
    if (line.length > this.#options.maxWaiting) {
      this.#dropped[kind] += 1;
      return;
    }
    while (this.#length + line.length > this.#options.maxWaiting) {
      const least = this.#waiting.findIndex((lines) => lines.first !== undefined);
      if (least < 0 || least >= rank) {
        this.#dropped[kind] += 1;
        return;
      }
      this.#length -= this.#waiting[least]?.pop()?.text.length ?? 0;
      this.#dropped[lineKinds[least] ?? kind] += 1;
    }
    this.#length += line.length;
    this.#order += 1;
    this.#waiting[rank]?.push({ text: line, order: this.#order });
  }

  #nextPiece(): string {
    let piece = '';
    while (piece.length < pieceLength) {
      let oldest: Lines | undefined;
      for (const lines of this.#waiting) {
        const order = lines.first?.order;
        if (order !== undefined && order < (oldest?.first?.order ?? Number.POSITIVE_INFINITY)) oldest = lines;
      }
      const line = oldest?.shift();
      if (line === undefined) break;
      this.#length -= line.text.length;
      piece += line.text;
    }
    return piece;
  }

  #reportDropped(): void {
    const since = noneDropped();
    for (const kind of lineKinds) since[kind] = this.#dropped[kind] - this.#reported[kind];
    if (lineKinds.every((kind) => since[kind] === 0)) return;
    this.#reported = { ...this.#dropped };
    this.#options.onFlowing(since);
  }

  /** Nobody will read any more: from here on lines are only counted. */
  #break(): void {
    this.#broken = true;
    this.#busy = false;
    this.#turn = '';
    for (const [rank, lines] of this.#waiting.entries()) {
      while (lines.shift() !== undefined) this.#dropped[lineKinds[rank] ?? 'log'] += 1;
    }
    this.#length = 0;
    for (const flushed of this.#flushed.splice(0)) flushed();
  }
}

function noneDropped(): Record<LineKind, number> {
  return { request: 0, log: 0, audit: 0, checkpoint: 0 };
}

type Line = { readonly text: string; readonly order: number };

/** Lines of one kind, oldest first: written from the front, dropped from the back. */
class Lines {
  #lines: Line[] = [];
  #begin = 0;

  get first(): Line | undefined {
    return this.#lines[this.#begin];
  }

  push(line: Line): void {
    this.#lines.push(line);
  }

  pop(): Line | undefined {
    return this.first === undefined ? undefined : this.#lines.pop();
  }

  shift(): Line | undefined {
    const { first } = this;
    this.#begin += 1;
    if (this.#begin >= this.#lines.length) {
      this.#lines = [];
      this.#begin = 0;
    } else if (this.#begin > 1024 && this.#begin * 2 > this.#lines.length) {
      this.#lines = this.#lines.slice(this.#begin);
      this.#begin = 0;
    }
    return first;
  }
}
