import { readFileSync } from 'node:fs';
import { Arguments, HELP, type Option } from './arguments.js';
import type { Command, Io } from './command.js';
import { EXIT, type ExitCode, UnreachableError, UsageError } from './outcome.js';
import { COMMANDS } from './commands.js';

/**
 * Runs one command of the command line.
 *
 * @param argv without the node binary and the script
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.stdout(overview());
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  if (name === '--version' || name === 'version') {
    io.stdout(`${readVersion()}\n`);
    return EXIT.ok;
  }
  const command = COMMANDS.get(name);
  if (command === undefined) {
    io.stderr(`nestjs-dpop: there is no command ${JSON.stringify(name)}\n\n${overview()}`);
    return EXIT.usage;
  }
  try {
    const args = Arguments.parse(rest, command.options);
    if (args.flag('help')) {
      io.stdout(helpOf(name, command));
      return EXIT.ok;
    }
    return await command.run(args, io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr(`nestjs-dpop ${name}: ${error.message}\nSee nestjs-dpop ${name} --help\n`);
      return EXIT.usage;
    }
    if (!(error instanceof UnreachableError)) throw error;
    io.stderr(`nestjs-dpop ${name}: ${error.message}\n`);
    return EXIT.unreachable;
  }
}

/** Of package.json, two folders above this file in the package and in its source. */
function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { readonly version?: unknown }).version);
}

function overview(): string {
  const width = Math.max(...[...COMMANDS.keys()].map(({ length }) => length));
  const rows = [...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'Usage: nestjs-dpop COMMAND [OPTIONS]',
    '',
    'Makes, sends and explains DPoP proofs (RFC 9449), against this library and any other server.',
    '',
    ...rows,
    '',
    'nestjs-dpop COMMAND --help describes a command. nestjs-dpop --version prints the version.',
    '',
  ].join('\n');
}

function helpOf(name: string, { summary, operands, options, notes = [] }: Command): string {
  const all = Object.entries({ ...options, help: HELP });
  const heads = all.map(([option, row]) => headOf(option, row));
  const width = Math.max(...heads.map(({ length }) => length));
  return [
    `Usage: nestjs-dpop ${name} ${operands}`.trimEnd(),
    '',
    summary,
    '',
    ...all.map(([, { what }], index) => `  ${(heads[index] ?? '').padEnd(width)}  ${what}`),
    ...(notes.length === 0 ? [] : ['', ...notes]),
    '',
    'Exit codes: 0 done or accepted; 1 refused, or a check fails; 2 wrong use; 3 a server cannot be reached.',
    '',
  ].join('\n');
}

function headOf(option: string, { short, value, type }: Option): string {
  const letter = short === undefined ? '    ' : `-${short}, `;
  return `${letter}--${option}${type === 'string' ? ` ${value ?? 'VALUE'}` : ''}`;
}
