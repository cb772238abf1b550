import type { LoggerService } from '@nestjs/common';

/** Keeps what is logged, everything of it. */
export class LogCollector implements LoggerService {
  readonly lines: string[] = [];

  readonly log = (...parts: unknown[]): void => this.#keep('log', parts);
  readonly error = (...parts: unknown[]): void => this.#keep('error', parts);
  readonly warn = (...parts: unknown[]): void => this.#keep('warn', parts);
  readonly debug = (...parts: unknown[]): void => this.#keep('debug', parts);
  readonly verbose = (...parts: unknown[]): void => this.#keep('verbose', parts);
  readonly fatal = (...parts: unknown[]): void => this.#keep('fatal', parts);

  get text(): string {
    return this.lines.join('\n');
  }

  #keep(level: string, parts: readonly unknown[]): void {
    this.lines.push([level, ...parts.map(String)].join(' '));
  }
}
