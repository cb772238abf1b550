import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { LogCollector } from '../../test/support/log-collector.js';
import { createAuthorizationServerConfig } from '../config/authorization-server-config.js';
import { DPOP_DECISION_CHANNEL } from '../telemetry/decisions.js';
import { DpopBindings } from './dpop-bindings.js';

const KEY = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I';
const OTHER = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';
const client = { type: 'public' } as const;

let log: LogCollector;
let bindings: DpopBindings;
const decisions: unknown[] = [];
const listen = (decision: unknown): void => void decisions.push(decision);

beforeEach(() => {
  log = new LogCollector();
  Logger.overrideLogger(log);
  // The budget of lines is that of a configuration.
  bindings = new DpopBindings(createAuthorizationServerConfig({ issuer: 'https://auth.example.com' }));
  decisions.length = 0;
  subscribe(DPOP_DECISION_CHANNEL, listen);
});

afterEach(() => {
  unsubscribe(DPOP_DECISION_CHANNEL, listen);
});

describe('what an operator is told of bindings (D9)', () => {
  test('is each refusal, with the key that was proved', () => {
    expect(() => bindings.ofTokenRequest({ jkt: OTHER, client, grantJkt: KEY })).toThrow();
    expect(log.lines).toMatchObject([expect.stringMatching(/^warn .*grant_key_binding.* DpopBindings$/)]);
    expect(log.text).not.toContain(KEY);
    expect(decisions).toMatchObject([
      { outcome: 'refused', reason: 'grant_key_binding', jkt: OTHER, issuer: undefined, clientId: undefined },
    ]);
  });

  test.each<[unknown, string]>([
    [{ jkt: KEY }, 'client must be an object with the type of the client'],
    [{ jkt: KEY, client: { type: 'native' } }, 'client.type must be "public" or "confidential"'],
    [
      { jkt: KEY, client: { ...client, dpopBoundAccessTokens: 'true' } },
      'client.dpopBoundAccessTokens must be true or false',
    ],
    [{ jkt: KEY, client, subjectToken: 'token' }, 'subjectToken must be an object with jkt and isForClient'],
    [{ jkt: KEY, client, subjectToken: { jkt: KEY } }, 'subjectToken.isForClient must be true or false'],
    ...['jkt', 'grantJkt'].map((name): [unknown, string] => [
      { jkt: KEY, client, [name]: 'key' },
      `${name} must be a thumbprint of 43 characters, as it was returned, or undefined or null if there is none`,
    ]),
  ])('is the fact of the app that is malformed: %j (G4)', (keys, advice) => {
    expect(() => bindings.ofTokenRequest(keys as Parameters<DpopBindings['ofTokenRequest']>[0])).toThrow();
    expect(log.lines).toMatchObject([expect.stringMatching(/^error .*internal_failure.* DpopBindings$/)]);
    expect(log.text).toContain(`DpopBindings: ${advice}`);
    // Nothing of the client was judged.
    expect(decisions).toStrictEqual([]);
  });
});
