import type { Clock } from '../runtime/clock.js';
import type { Arguments, Option } from './arguments.js';
import type { ExitCode } from './outcome.js';

/** What a command needs of its process. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly stdout: (text: string | Uint8Array) => void;
  readonly stderr: (text: string) => void;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends a command that runs until it is stopped. */
  readonly signal: AbortSignal;
}

/** One row of the table of commands. */
export interface Command {
  readonly summary: string;
  /** The operands, as the help text shows them. */
  readonly operands: string;
  readonly options: Readonly<Record<string, Option>>;
  /** Further lines of the help text. */
  readonly notes?: readonly string[];
  run(args: Arguments, io: Io): Promise<ExitCode>;
}
