import { expect, test } from '@jest/globals';
import { knownMethod } from './known-method.js';

test.each([
  ['GET', 'GET'],
  ['M-SEARCH', 'M-SEARCH'],
  ['get', 'other'],
  ['SECRET', 'other'],
  ['', 'other'],
  [undefined, undefined],
  [['GET'], undefined],
])('the operator is told of the method %j as %j: nothing that a client makes up (D9)', (method, told) => {
  expect(knownMethod(method)).toBe(told);
});
