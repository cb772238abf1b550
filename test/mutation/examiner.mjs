import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { rmSync } from 'node:fs';
import { relative } from 'node:path';
import { Suite } from './suite.mjs';

/** Answers the command that Stryker starts for each mutant: was it noticed? The suites stay loaded between mutants. */
export class Examiner {
  #patterns;
  #suites;
  #lastAfresh;
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
    const suites = this.#suites
      .filter((suite) => suite.reaches(mutant))
      .toSorted((one, other) => one.costOf(mutant) - other.costOf(mutant));
    for (const suite of suites) {
      const noticed = await suite.noticesQuickly(mutant);
      if (noticed !== undefined) return noticed;
    }
    // Neighbours are often noticed by the same suite.
    for (const suite of suites.toSorted((one, other) => this.#isLast(other) - this.#isLast(one))) {
      const noticed = await suite.noticesAfresh(mutant);
      if (noticed === undefined) continue;
      this.#lastAfresh = suite;
      return `afresh, ${noticed}`;
    }
    return undefined;
  }

  #isLast(suite) {
    return Number(suite === this.#lastAfresh);
  }

  async #learn(root) {
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
  return [...new Set(listed)].map((path) => relative(root, path));
}
