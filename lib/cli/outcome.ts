/** How a command ends. Part of the interface of the command line; docs/command-line.md lists them. */
export const EXIT = {
  /** Done; every check holds, or the service accepted the request. */
  ok: 0,
  /** A check fails, the service refused the request, or `doctor` found a problem. */
  refused: 1,
  /** The command cannot be run as written: an unknown option, or a file that cannot be read. */
  usage: 2,
  /** Another server cannot be reached, or gave no usable answer. */
  unreachable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command cannot be run as written. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Another server cannot be reached, or gave no usable answer. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}
