import { parseArgs } from 'node:util';
import { isTrustedUrl } from '../http/base-url.js';
import { UsageError } from './outcome.js';

export interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: true;
  /** What stands for the value in the help text. */
  readonly value?: string;
  readonly what: string;
}

type Value = string | boolean | readonly (string | boolean)[] | undefined;

/** Options whose value would be a secret. They do not exist, and the error says what to use. */
const SECRET_OPTIONS: Readonly<Record<string, string>> = {
  '--token': '--token-file',
  '--access-token': '--token-file',
  '--proof': '--proof-file',
  '--client-secret': '--client-secret-file',
};

/** The operands and options of a command, asserted where they are read. */
export class Arguments {
  readonly #values: Readonly<Record<string, Value>>;

  private constructor(
    values: Readonly<Record<string, Value>>,
    readonly operands: readonly string[],
  ) {
    this.#values = values;
  }

  /** @throws UsageError */
  static parse(argv: readonly string[], options: Readonly<Record<string, Option>>): Arguments {
    for (const argument of argv) {
      const instead = SECRET_OPTIONS[argument.replace(/=.*$/s, '')];
      if (instead !== undefined)
        throw new UsageError(
          `a secret on the command line stays in the history of the shell, and other users see it in the list of processes: use ${instead} FILE, or ${instead} - for standard input`,
        );
    }
    try {
      const { values, positionals } = parseArgs({
        args: [...argv],
        options: Object.fromEntries(
          Object.entries<Option>({ ...options, help: HELP }).map(([name, { type, short, multiple }]) => [
            name,
            { type, ...(short !== undefined && { short }), ...(multiple && { multiple }) },
          ]),
        ),
        allowPositionals: true,
      });
      return new Arguments(values, positionals);
    } catch (error) {
      throw new UsageError(firstSentence(error));
    }
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  }

  /** @throws UsageError unless the value is an integer within the bounds */
  integer(name: string, min: number, max: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(`--${name} must be an integer from ${min} to ${max}, not ${JSON.stringify(value)}`);
  }

  /** The method of `-X`. @throws UsageError for one that HTTP cannot send */
  method(): string | undefined {
    const value = this.text('request');
    if (value === undefined || /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/.test(value)) return value;
    throw new UsageError(`-X must be a method such as GET or POST, not ${JSON.stringify(value)}`);
  }

  /** The only operand. @throws UsageError */
  operand(what: string): string {
    const [operand, ...others] = this.operands;
    if (operand === undefined) throw new UsageError(`${what} is missing`);
    if (others.length > 0)
      throw new UsageError(`one ${what} is expected, and there are ${this.operands.length} operands`);
    return operand;
  }

  /** The only operand, an http(s) URL. @throws UsageError */
  urlOperand(): URL {
    return parseHttpUrl(this.operand('URL'), 'URL');
  }

  /** An option whose value is an https URL, or any http URL on loopback. @throws UsageError */
  trustedUrl(name: string): string | undefined {
    const value = this.text(name);
    if (value === undefined || isTrustedUrl(value, this.flag('allow-insecure-http'))) return value;
    throw new UsageError(
      `--${name} must be an https URL, or an http URL of this machine; in a network without eavesdroppers add --allow-insecure-http`,
    );
  }
}

export const HELP: Option = { type: 'boolean', short: 'h', what: 'Print this text.' };

/** @throws UsageError for a value that is a URL only after repairs, which would change what is signed */
export function parseHttpUrl(value: string, what: string): URL {
  if (isTrustedUrl(value, true)) return new URL(value);
  throw new UsageError(
    `${what} must be an http or https URL such as http://localhost:3000/accounts, without user and password before its host, white space and backslashes`,
  );
}

/** Node explains at length how to pass an operand that begins with a dash. */
function firstSentence(error: unknown): string {
  const { message: text = '' } = error as Partial<Error>;
  return text.split('. ', 1)[0] ?? text;
}
