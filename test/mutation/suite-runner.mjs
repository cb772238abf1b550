/**
 * Runs one spec in Jest again and again: a `testRunner` that loads the spec once, then does what its parent process
 * orders. Stryker compiles all mutants of a file into it and chooses one by a variable, so nothing is loaded anew.
 *
 * An order: `mutant` (or none), the indexes of the `tests` to run (or all), `timeoutMs` for each test, and `hitLimit`,
 * after which the mutant throws, so that most endless loops end. It stops at the first test that fails.
 */
import { createRequire } from 'node:module';

/** How Stryker names the mutant, and where its code looks for what to do. */
const ACTIVE_MUTANT = '__STRYKER_ACTIVE_MUTANT__';
const NAMESPACE = '__stryker__';
const require = createRequire(import.meta.url);

export default async function runSuite(_globalConfig, _config, environment, runtime, testPath) {
  const circus = runtime.requireInternalModule(require.resolve('jest-circus'));
  const { jestExpect: expect } = runtime.requireInternalModule(require.resolve('@jest/expect'));
  runtime.setGlobalsForRuntime({ ...circus.default, expect });
  const stryker = { activeMutant: process.env[ACTIVE_MUTANT] };
  environment.global[NAMESPACE] = stryker;

  const unhandled = new Map();
  process.on('unhandledRejection', (error, promise) => unhandled.set(promise, error));
  process.on('rejectionHandled', (promise) => unhandled.delete(promise));
  process.on('uncaughtException', (error) => unhandled.set(error, error));

  try {
    await runtime.unstable_importModule(testPath);
  } catch (error) {
    process.send({ broken: String(error?.stack ?? error) });
    await new Promise(() => {});
  }
  const { tests, blocks } = flatten(circus.getState().rootDescribeBlock);
  const modes = tests.map(({ mode }) => mode);
  let result;
  circus.addEventHandler(observe);
  process.on('message', (order) => void obey(order));
  process.send({
    tests: tests.map((test) => ({
      name: nameOf(test),
      blocks: ancestors(test).map((block) => blocks.indexOf(block)),
    })),
    loaded: Object.keys(stryker.mutantCoverage?.static ?? {}),
  });
  return new Promise(() => {});

  async function obey({ mutant, tests: chosen, timeoutMs, hitLimit }) {
    for (const [index, test] of tests.entries()) {
      test.mode = chosen === undefined || chosen.includes(index) ? modes[index] : 'skip';
      test.errors.length = 0;
    }
    unhandled.clear();
    const state = circus.getState();
    state.unhandledErrors.length = 0;
    state.testTimeout = timeoutMs;
    Object.assign(stryker, { activeMutant: mutant, currentTestId: 'between', hitCount: 0, hitLimit });
    if (stryker.mutantCoverage) stryker.mutantCoverage.perTest = {};
    result = { failed: [], durations: {} };
    await circus.run();
    // A server that a test left behind may still fail.
    await new Promise((resolve) => setImmediate(resolve));
    const errors = [...state.unhandledErrors.flat(), ...unhandled.values()];
    if (errors.length > 0) result.error ??= textOf(errors[0]);
    process.send({
      ...result,
      coverage: stryker.mutantCoverage?.perTest ?? {},
      rss: process.memoryUsage.rss(),
    });
  }

  function observe(event) {
    if (event.name === 'test_started') {
      stryker.currentTestId = `test ${tests.indexOf(event.test)}`;
      expect.setState({ currentTestName: nameOf(event.test), testPath });
    }
    const ofBlock = event.hook?.type.endsWith('All');
    if (ofBlock) {
      stryker.currentTestId =
        event.name === 'hook_start' ? `block ${blocks.indexOf(event.hook.parent)}` : 'between';
    }
    if (event.name === 'test_done') finish(event.test);
  }

  function finish(test) {
    stryker.currentTestId = 'between';
    for (const { error } of expect.extractExpectedAssertionsErrors()) test.errors.push(error);
    if (test.errors.length === 0 && unhandled.size > 0) test.errors.push([...unhandled.values()][0]);
    const index = tests.indexOf(test);
    result.durations[index] = Date.now() - test.startedAt;
    if (test.errors.length === 0) return;
    result.failed.push(index);
    result.error ??= textOf(test.errors[0]);
    for (const other of tests) other.mode = 'skip';
    // What hangs would hang once more while its block is torn down.
    if (/Exceeded timeout of/.test(result.error)) process.send({ ...result, hung: true });
  }
}

/** Tests and blocks in the order of the file. */
function flatten(root) {
  const tests = [];
  const blocks = [];
  visit(root);
  return { tests, blocks };

  function visit(block) {
    blocks.push(block);
    for (const child of block.children) {
      if (child.type === 'test') tests.push(child);
      else visit(child);
    }
  }
}

function nameOf({ name, parent }) {
  return parent.parent === undefined ? name : `${nameOf(parent)} ${name}`;
}

function ancestors({ parent }) {
  return parent === undefined ? [] : [parent, ...ancestors(parent)];
}

function textOf(error) {
  const [first] = [error].flat();
  return String(first?.stack ?? first);
}
