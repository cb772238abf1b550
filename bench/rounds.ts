/** One side of a comparison. */
export interface Side {
  readonly name: string;
  /** Creates the inputs of `count` operations before the measurement, and returns a function that performs them. */
  readonly prepare: (count: number) => Work | Promise<Work>;
}

export type Work = () => void | Promise<void>;

export interface RoundOptions {
  readonly rounds: number;
  /** Operations of each side in each round. */
  readonly count: number;
  /** Unmeasured operations of each side at the beginning of each round. Default: a fifth of `count`. */
  readonly warmUp?: number;
  /** Operations of each side before the first round, so that its code is compiled. Default: twice `count`. */
  readonly leadIn?: number;
  /** CPU time spent so far by the process under test, in microseconds. Default: this process. */
  readonly cpuMicros?: () => number | Promise<number>;
}

/** CPU time per operation in microseconds: for each side, one value per round. */
export type Samples = ReadonlyMap<string, readonly number[]>;

/**
 * Measures all sides in each round, so that a disturbance of the machine affects all of them. Each round begins with
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
      // No forced garbage collection here: it would discard the code that V8 has optimised.
      await warm();
      samples.get(side.name)?.push((await measureWork(work, cpuMicros)) / count);
    }
  }
  return samples;
}

/** Moves the prepared objects into the old generation, so that garbage collections during the work do not copy them. */
function settle(): void {
  for (let times = 0; times < 2; times += 1) globalThis.gc?.({ type: 'minor' });
}

async function measureWork(work: Work, cpuMicros: () => number | Promise<number>): Promise<number> {
  const before = await cpuMicros();
  await work();
  return (await cpuMicros()) - before;
}

/** The CPU time of all threads, including the thread pool. */
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

/** The median over the rounds of the values that `combine` returns. */
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

/** The median of the ratios of the rounds. A disturbance of a round affects both sides, and so not their ratio. */
export function ratioOf(samples: Samples, side: string, base: string): number {
  return medianOfRounds(samples, [side, base], (a, b) => a / b);
}
