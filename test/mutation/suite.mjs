import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What one order may cost beyond three times what all tests take. A busy machine gives CPU slowly, a loop takes all. */
const ENDLESS_CPU_SECONDS = 8;
/** For the first run of all tests, when nothing is known of what they take. */
const LEARNING_CPU_SECONDS = 120;
/** Where CPU cannot be read, and for what waits without working. */
const ENDLESS_WALL_SECONDS = 300;
const MIN_TIMEOUT_MS = 5_000;
/** Where no second look follows. */
const AFRESH_TIMEOUT_MS = 30_000;
const LEARNING_TIMEOUT_MS = 60_000;
/** Of one suite, for one mutant: a first look at much code may be a quick one. */
const MAX_TESTS_MS = Number(process.env.MUTATION_MAX_TESTS_MS ?? Infinity);
const MAX_RSS_BYTES = 1_500_000_000;

/** One spec: it is loaded once, and learns which of its tests reach which mutant. */
export class Suite {
  #child;
  #root;
  #tests = [];
  #loaded = new Set();
  #reached = new Map();
  #durations = [];
  #hits = 0;
  #loadMs = 0;
  /** Tests that pass once in a process. */
  #unrepeatable = new Set();
  /** Mutants that fewer tests reach when they run again: something was kept from the first time. */
  #kept = new Set();

  constructor(root, spec) {
    this.#root = root;
    this.spec = spec;
  }

  /** Runs all without a mutant, twice. */
  async learn() {
    const begun = Date.now();
    await this.#start();
    this.#loadMs = Date.now() - begun;
    const first = await this.#order({ timeoutMs: LEARNING_TIMEOUT_MS });
    if (isFailure(first)) throw new Error(`${this.#describe(first)}, without a mutant`);
    this.#durations = this.#tests.map((_, index) => first.durations[index] ?? 0);
    this.#reached = this.#testsByMutant(first.coverage);
    for (const hits of Object.values(first.coverage)) this.#hits += sum(Object.values(hits));
    const again = this.#testsByMutant((await this.#repeat()).coverage);
    for (const [mutant, tests] of this.#reached)
      if ([...tests].some((index) => !again.get(mutant)?.has(index))) this.#kept.add(mutant);
    return `${this.spec}: ${this.#tests.length} tests, ${this.#loadMs} ms to load, ${sum(this.#durations)} ms to run; not repeatable: ${this.#unrepeatable.size} tests, ${this.#kept.size} mutants`;
  }

  async #repeat() {
    for (;;) {
      const tests = this.#tests.map((_, index) => index).filter((index) => !this.#unrepeatable.has(index));
      const again = await this.#order({ tests, timeoutMs: LEARNING_TIMEOUT_MS });
      if (!isFailure(again)) return again;
      console.log(`${this.#describe(again)}, when it runs again`);
      for (const index of again.failed.length > 0 ? again.failed : tests) this.#unrepeatable.add(index);
      if (!again.hung && !again.ended) continue;
      await this.stop();
      await this.#start();
    }
  }

  /** What a block sets up is for each test in it. */
  #testsByMutant(coverage) {
    const reached = new Map();
    for (const [where, hits] of Object.entries(coverage)) {
      const [kind, text] = where.split(' ');
      const isMeant = {
        test: (_, index) => index === Number(text),
        block: ({ blocks }) => blocks.includes(Number(text)),
        between: () => true,
      }[kind];
      const tests = this.#tests.flatMap((test, index) => (isMeant(test, index) ? [index] : []));
      for (const mutant of Object.keys(hits)) {
        const known = reached.get(mutant) ?? new Set();
        for (const index of tests) known.add(index);
        reached.set(mutant, known);
      }
    }
    return reached;
  }

  reaches(mutant) {
    return this.#reached.has(mutant) || this.#loaded.has(mutant);
  }

  /** Whether modules compute something with the mutant while they load. */
  loads(mutant) {
    return this.#loaded.has(mutant);
  }

  /** The tests that reach any of the mutants. */
  testsThatReach(mutants) {
    return [...new Set(mutants.flatMap((mutant) => [...(this.#reached.get(mutant) ?? [])]))];
  }

  /** What these tests take, for the cheapest suite to go first. */
  costOf(tests) {
    return this.#loadMs + sum(tests.map((index) => this.#durations[index]));
  }

  /**
   * In the process that has run other mutants: a failure counts if the test then passes without the mutant.
   * What is computed while modules load is not computed again here.
   */
  async noticesQuickly(mutant) {
    const tests = this.#sample(
      this.testsThatReach([mutant]).filter((index) => !this.#unrepeatable.has(index)),
    );
    if (tests.length === 0) return undefined;
    if (this.#child === undefined || this.#child.exitCode !== null) await this.#start();
    return this.#tryOut(mutant, tests);
  }

  /** Evenly spread. */
  #sample(tests) {
    const step = Math.max(1, Math.ceil(sum(tests.map((index) => this.#durations[index])) / MAX_TESTS_MS));
    return tests.filter((_, position) => position % step === 0);
  }

  /** In a new process, where that may show more. */
  async noticesRepeated(mutant) {
    const all = this.testsThatReach([mutant]);
    if (!this.#kept.has(mutant) && all.every((index) => !this.#unrepeatable.has(index))) return undefined;
    await this.stop();
    await this.#start();
    return this.#tryOut(mutant, all);
  }

  /** In a new process that has the mutant from the beginning. */
  async noticesAfresh(mutant, tests) {
    const ready = this.#child;
    const result = (await this.#start(mutant)) ?? (await this.#orderWith(mutant, tests, AFRESH_TIMEOUT_MS));
    await this.stop();
    this.#child = ready;
    return isFailure(result) ? this.#describe(result) : undefined;
  }

  async #tryOut(mutant, tests) {
    const result = await this.#orderWith(mutant, tests);
    if (!isFailure(result)) {
      if (result.rss > MAX_RSS_BYTES) await this.stop();
      return undefined;
    }
    if (!result.hung && !result.ended) {
      const again = await this.#order({
        tests: result.failed.length > 0 ? result.failed : tests,
        timeoutMs: MIN_TIMEOUT_MS,
      });
      if (!isFailure(again)) return this.#describe(result);
    }
    await this.stop();
    return result.ended ? this.#describe(result) : this.#noticesInNewProcess(mutant, tests);
  }

  /** What failed may have failed because of what mutants left behind: this one, or those before. */
  async #noticesInNewProcess(mutant, tests) {
    await this.#start();
    const without = await this.#order({ tests, timeoutMs: AFRESH_TIMEOUT_MS });
    const result = isFailure(without) ? {} : await this.#orderWith(mutant, tests);
    await this.stop();
    return isFailure(result) ? this.#describe(result) : undefined;
  }

  #orderWith(mutant, tests, minTimeoutMs = MIN_TIMEOUT_MS) {
    const slowest = Math.max(...this.#durations);
    return this.#order({
      mutant,
      tests,
      timeoutMs: Math.max(minTimeoutMs, 20 * slowest),
      hitLimit: 10 * this.#hits + 10_000,
    });
  }

  async #start(mutant) {
    this.#child = fork(join(this.#root, 'test/mutation/suite-process.mjs'), [this.spec], {
      cwd: this.#root,
      execArgv: ['--experimental-vm-modules', '--no-warnings'],
      env: { ...process.env, NODE_ENV: 'test', __STRYKER_ACTIVE_MUTANT__: mutant ?? '' },
      stdio: ['ignore', 'ignore', process.env.MUTATION_DEBUG ? 'inherit' : 'ignore', 'ipc'],
    });
    const ready = await this.#reply();
    if (ready.tests === undefined) {
      if (mutant === undefined) throw new Error(`${this.spec} does not load: ${ready.broken ?? ready.ended}`);
      return { failed: [], error: ready.broken ?? ready.ended };
    }
    if (mutant === undefined) {
      this.#tests = ready.tests;
      this.#loaded = new Set(ready.loaded);
    }
    return undefined;
  }

  async #order(order) {
    this.#child.send(order);
    return this.#reply();
  }

  /** What the process says next, or how it ended. */
  async #reply() {
    const child = this.#child;
    const begun = Date.now();
    const cpu = cpuSecondsOf(child.pid);
    const isLearning = this.#durations.length === 0;
    const endless = isLearning
      ? LEARNING_CPU_SECONDS
      : ENDLESS_CPU_SECONDS + (3 * sum(this.#durations)) / 1000;
    const watch = setInterval(() => {
      if (cpuSecondsOf(child.pid) - cpu > endless || Date.now() - begun > 1000 * ENDLESS_WALL_SECONDS)
        child.kill('SIGKILL');
    }, 1_000);
    return new Promise((resolve) => {
      child.once('message', settle);
      child.once('exit', ended);

      function ended(code, signal) {
        settle({
          failed: [],
          ended: signal === 'SIGKILL' ? 'endless loop' : `the process ended with ${code ?? signal}`,
        });
      }

      function settle(message) {
        clearInterval(watch);
        child.off('message', settle);
        child.off('exit', ended);
        resolve(message);
      }
    });
  }

  async stop() {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill('SIGKILL');
    });
  }

  #describe({ failed, error, ended }) {
    const name = failed.map((index) => this.#tests[index]?.name).join();
    return `${this.spec}: ${name}: ${ended ?? error}`.split('\n')[0];
  }
}

function isFailure({ failed = [], error, ended }) {
  return failed.length > 0 || error !== undefined || ended !== undefined;
}

/** User and system time of a process; 0 where there is no /proc. */
function cpuSecondsOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
