/** The limit that a ratio or a size must meet. */
export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** One line of the table. */
export interface Row {
  /** Identifies the line in JSON and in the chart. */
  readonly id: string;
  readonly what: string;
  /** Medians over the rounds, by side. */
  readonly medians: Readonly<Record<string, number>>;
  /** The unit of the medians. */
  readonly unit: string;
  /** The value that is compared with the target: a ratio, unless `resultUnit` differs. */
  readonly result: number;
  readonly resultUnit?: string;
  /** A line without a target is for comparison only. */
  readonly target?: Target;
  readonly note?: string;
}

/** A file of `measurements/`, which runs in its own process. */
export interface Measurement {
  readonly name: string;
  readonly run: () => Promise<readonly Row[]>;
}

export function isMet({ result, target }: Row): boolean {
  if (target === undefined) return true;
  return 'atMost' in target ? result <= target.atMost : result >= target.atLeast;
}
