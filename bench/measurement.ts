/** What a ratio or a size must be to meet its target. */
export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** One line of the table. */
export interface Row {
  /** Identifies the line in JSON and in the chart. */
  readonly id: string;
  readonly what: string;
  /** Medians over the rounds, by side. */
  readonly medians: Readonly<Record<string, number>>;
  /** Of the medians. */
  readonly unit: string;
  /** What is held against the target: a ratio, unless `resultUnit` says otherwise. */
  readonly result: number;
  readonly resultUnit?: string;
  /** Lines without one are there for comparison. */
  readonly target?: Target;
  readonly note?: string;
}

/** One file of `measurements/`: runs in a process of its own. */
export interface Measurement {
  readonly name: string;
  readonly run: () => Promise<readonly Row[]>;
}

export function isMet({ result, target }: Row): boolean {
  if (target === undefined) return true;
  return 'atMost' in target ? result <= target.atMost : result >= target.atLeast;
}
