import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Suite } from './suite.mjs';

/** A new process is dear: constants must be noticed by the spec beside their file, or by one of so many other suites. */
const MAX_SUITES_AFRESH = 2;
/** Of the suites of a folder, those with such a path: a first look may do without the dear ones. */
const SUITES = new RegExp(process.env.MUTATION_SUITES ?? '');

/** Answers the command that Stryker starts for each mutant: was it noticed? The suites stay loaded between mutants. */
export class Examiner {
  #patterns;
  #suites;
  #lastAfresh;
  #files = [];
  failure;
  #server = createServer((request, response) => void this.#answer(request, response));

  constructor(patterns) {
    this.#patterns = patterns;
  }

  async listen(socket) {
    rmSync(socket, { force: true });
    await new Promise((resolve) => this.#server.listen(socket, resolve));
  }

  async close() {
    this.#server.close();
    for (const suite of this.#suites ?? []) await suite.stop();
  }

  async #answer(request, response) {
    const { searchParams } = new URL(request.url, 'http://localhost');
    try {
      const noticed = await this.#examine(searchParams.get('root'), searchParams.get('mutant'));
      response.writeHead(noticed === undefined ? 200 : 418).end(noticed);
    } catch (error) {
      // Stryker would take the mutant for noticed.
      this.failure ??= error;
      response.writeHead(500).end(String(error));
    }
  }

  async #examine(root, mutant) {
    this.#suites ??= await this.#learn(root);
    // Stryker's first run has no mutant.
    if (mutant === '') return undefined;
    const begun = Date.now();
    const noticed = await this.#firstToNotice(mutant);
    console.log(`${mutant}: ${Date.now() - begun} ms, ${noticed ?? 'not noticed'}`);
    return noticed;
  }

  async #firstToNotice(mutant) {
    const suites = this.#byCost(
      this.#suites.filter((suite) => suite.reaches(mutant)),
      (suite) => suite.testsThatReach([mutant]),
    );
    for (const suite of suites) {
      const noticed = await suite.noticesQuickly(mutant);
      if (noticed !== undefined) return noticed;
    }
    for (const suite of suites) {
      const noticed = suite.loads(mutant) ? undefined : await suite.noticesRepeated(mutant);
      if (noticed !== undefined) return `afresh, ${noticed}`;
    }
    return this.#firstToNoticeAfresh(mutant);
  }

  /**
   * What modules compute while they load: by the spec beside the mutant's file, and the cheapest suites that test most of it.
   * What a suite costs on a busy machine is chance.
   */
  async #firstToNoticeAfresh(mutant) {
    const suites = this.#suites.filter((suite) => suite.loads(mutant));
    const { path, mutants: neighbours } = this.#fileOf(mutant);
    const beside = suites.filter(({ spec }) => spec === path.replace(/\.ts$/, '.spec.ts'));
    const reached = new Map(
      suites.map((suite) => [
        suite,
        neighbours.filter((neighbour) => suite.testsThatReach([neighbour]).length > 0),
      ]),
    );
    const most = Math.max(...[...reached.values()].map(({ length }) => length));
    const testing = suites.filter((suite) => reached.get(suite).length >= 0.8 * most);
    const cheapest = this.#byCost(testing, (suite) => suite.testsThatReach(neighbours)).slice(
      0,
      MAX_SUITES_AFRESH,
    );
    const chosen = [...new Set([...beside, ...cheapest])];
    for (const suite of chosen.toSorted((one, other) => this.#isLast(other) - this.#isLast(one))) {
      const noticed = await suite.noticesAfresh(
        mutant,
        most > 0 ? suite.testsThatReach(neighbours) : undefined,
      );
      if (noticed === undefined) continue;
      this.#lastAfresh = suite;
      return `afresh, ${noticed}`;
    }
    return undefined;
  }

  #byCost(suites, testsOf) {
    const costs = new Map(suites.map((suite) => [suite, suite.costOf(testsOf(suite))]));
    return suites.toSorted((one, other) => costs.get(one) - costs.get(other));
  }

  /** Neighbours are often noticed by the same suite. */
  #isLast(suite) {
    return Number(suite === this.#lastAfresh);
  }

  #fileOf(mutant) {
    return this.#files.find(({ mutants }) => mutants.includes(mutant)) ?? { path: '', mutants: [] };
  }

  async #learn(root) {
    this.#files = mutantsByFile(root);
    const suites = [];
    for (const spec of specsOf(root, this.#patterns)) {
      const suite = new Suite(root, spec);
      console.log(await suite.learn());
      suites.push(suite);
    }
    return suites;
  }
}

function specsOf(root, patterns) {
  const jest = [
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    '--listTests',
    '--testPathPatterns',
  ];
  const listed = patterns.flatMap((pattern) =>
    execFileSync(process.execPath, [...jest, pattern], { cwd: root, encoding: 'utf8' })
      .trim()
      .split('\n'),
  );
  return [...new Set(listed)].map((path) => relative(root, path)).filter((path) => SUITES.test(path));
}

/** Their numbers, as Stryker has written them into the sources. */
function mutantsByFile(root) {
  return readdirSync(join(root, 'lib'), { recursive: true })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join('lib', path))
    .map((path) => ({ path, mutants: numbersIn(readFileSync(join(root, path), 'utf8')) }));
}

function numbersIn(source) {
  return [...source.matchAll(/stryMutAct_\w+\("(\d+)"\)/g)].map(([, mutant]) => mutant);
}
