import { expect, test } from '@jest/globals';
import type { Gateway } from '../handshake/gateway-policies.js';
import { rulesOf } from './server-rules.js';

class FeedGateway {}

const gatewayWith = (policy: Gateway['policy']): Gateway => ({
  type: FeedGateway,
  port: 0,
  options: {},
  policy,
});
const ENFORCING = gatewayWith({ nonce: 'off', bearer: 'reject' });
const REPORTING = gatewayWith({ nonce: 'off', bearer: 'reject', enforcement: 'report' });
const OPEN = gatewayWith(undefined);

test.each<readonly [string, readonly Gateway[], boolean, boolean]>([
  ['no gateway', [], true, false],
  ['an enforcing one', [ENFORCING], true, false],
  ['an open one', [OPEN], false, false],
  ['a reporting one', [REPORTING], false, true],
  ['an open one and a reporting one', [OPEN, REPORTING], false, true],
  ['an enforcing one and an open one', [OPEN, ENFORCING], true, false],
  ['one of each kind', [OPEN, REPORTING, ENFORCING], true, true],
])('a server with %s: refuses %s, reports %s (J1, K1)', (_what, gateways, refuses, reports) => {
  expect(rulesOf(gateways)).toEqual({ refuses, reports });
});
