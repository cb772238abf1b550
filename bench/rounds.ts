/** One of the things compared. */
export interface Side {
  readonly name: string;
  /** Makes the inputs of `count` operations, untimed, and returns what performs them. */
  readonly prepare: (count: number) => Work | Promise<Work>;
}

export type Work = () => void | Promise<void>;

export interface RoundOptions {
  readonly rounds: number;
  /** Operations of each side in each round. */
  readonly count: number;
  /** Operations of each side before its measured ones, in each round. Default a fifth of `count`. */
  readonly warmUp?: number;
  /** Operations of each side before the first round, until its code is compiled. Default twice `count`. */
  readonly leadIn?: number;
  /** CPU time spent so far by the process under test, in microseconds. Default: this process. */
  readonly cpuMicros?: () => number | Promise<number>;
}

/** Microseconds of CPU for one operation: by side, a number for each round. */
export type Samples = ReadonlyMap<string, readonly number[]>;

/**
 * Measures all sides in each round, so that whatever disturbs the machine disturbs all of them; each round begins with
 * another side.
 */
export async function measureInRounds(sides: readonly Side[], options: RoundOptions): Promise<Samples> {
  const { rounds, count, cpuMicros = ownCpuMicros } = options;
  const { warmUp = Math.ceil(count / 5), leadIn = 2 * count } = options;
  const samples = new Map<string, number[]>(sides.map(({ name }) => [name, []]));
  for (const side of sides) await (await side.prepare(leadIn))();
  for (let round = 0; round < rounds; round += 1) {
    const first = round % sides.length;
    for (const side of [...sides.slice(first), ...sides.slice(0, first)]) {
      const warm = await side.prepare(warmUp);
      const work = await side.prepare(count);
      settle();
      // Nothing but the work itself, and nothing in between. A forced collection of all garbage would throw away code
      // that V8 has optimised, and measure a process that has just started.
      await warm();
      samples.get(side.name)?.push((await measureWork(work, cpuMicros)) / count);
    }
  }
  return samples;
}

/** Moves what was prepared to where things live long, or else the work would pay for it at its next two collections. */
function settle(): void {
  for (let times = 0; times < 2; times += 1) globalThis.gc?.({ type: 'minor' });
}

async function measureWork(work: Work, cpuMicros: () => number | Promise<number>): Promise<number> {
  const before = await cpuMicros();
  await work();
  return (await cpuMicros()) - before;
}

/** All threads count: what is done in the thread pool is paid for, too. */
export function ownCpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function medianOf(samples: Samples, side: string): number {
  return median(samples.get(side) ?? []);
}

export function mediansOf(samples: Samples): Record<string, number> {
  return Object.fromEntries([...samples].map(([name, values]) => [name, median(values)]));
}

/** The median of what `combine` makes of each round. */
export function medianOfRounds(
  samples: Samples,
  sides: readonly string[],
  combine: (...micros: number[]) => number,
): number {
  const columns = sides.map((side) => samples.get(side) ?? []);
  const rounds = columns[0]?.length ?? 0;
  const combined = Array.from({ length: rounds }, (_, round) =>
    combine(...columns.map((column) => column[round] ?? Number.NaN)),
  );
  return median(combined);
}

/** The median of the rounds' ratios, not the ratio of medians: a disturbed round disturbs both of its sides. */
export function ratioOf(samples: Samples, side: string, base: string): number {
  return medianOfRounds(samples, [side, base], (a, b) => a / b);
}
