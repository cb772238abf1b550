import { STATUS_CODES } from 'node:http';
import { expect } from '@jest/globals';
import { REFUSALS } from '../../lib/errors/catalogue.js';
import type { Platform } from '../support/platforms.js';
import { type RawResponse, valuesOf } from '../support/raw-request.js';
import { type RecordingApp, startRecordingApp } from '../support/recording-app.js';
import { startRecordingServer } from '../support/recording-server.js';
import { MARKER } from './baseline.js';
import { authorizationLines, type Change, proofClaims } from './changes.js';
import type { Configuration } from './configurations.js';
import { assertAccepted, assertExposed, assertRefused, assertUnavailable, noncesOf } from './expectations.js';
import type { Refused } from './row.js';

/** What stands behind a row: a protected resource, or an endpoint of an authorization server. */
export interface ServiceKind {
  start(platform: Platform, configuration: Configuration): Promise<RecordingApp>;
  /** What makes the baseline right for it. */
  readonly baseline: readonly Change[];
  assertAccepted(response: RawResponse, freshNonce: boolean, configuration: Configuration): void;
  assertRefused(response: RawResponse, expected: Refused, configuration: Configuration): void;
  assertUnavailable(response: RawResponse): void;
}

export const RESOURCE_SERVER: ServiceKind = {
  start: (platform, { app, dpop }) => startRecordingApp(platform, { ...app, dpop }),
  baseline: [],
  assertAccepted,
  assertRefused,
  assertUnavailable,
};

/** Any path and method is an endpoint. The client authenticates with a secret, of which the guard takes no notice. */
export const AUTHORIZATION_SERVER: ServiceKind = {
  start: startRecordingServer,
  baseline: [
    authorizationLines(() => [`Basic ${Buffer.from(`${MARKER}:${MARKER}`).toString('base64')}`]),
    proofClaims({ ath: undefined }),
  ],
  assertAccepted(response, freshNonce, configuration) {
    assertAccepted(response, freshNonce, configuration);
    // RFC 6749 §5.1
    expect(valuesOf(response, 'cache-control')).toEqual(['no-store']);
  },
  assertRefused(response, { code, reason }, configuration) {
    expect({ status: response.status, body: parseOAuthError(response) }).toEqual({
      status: 400,
      body: { error: code, error_description: SENTENCES[reason] ?? REFUSALS[reason][1] },
    });
    // Never a 401: RFC 6749 §5.2 has it for failed client authentication.
    expect(valuesOf(response, 'www-authenticate')).toStrictEqual([]);
    expect(noncesOf(response)).toHaveLength(code === 'use_dpop_nonce' ? 1 : 0);
    expect(valuesOf(response, 'cache-control')).toEqual(['no-store']);
    assertExposed(response, configuration);
  },
  assertUnavailable(response) {
    expect({ status: response.status, body: parseOAuthError(response) }).toEqual({
      status: 503,
      body: { error: 'temporarily_unavailable', error_description: expect.any(String) as unknown },
    });
    expect(STATUS_CODES[response.status]).toBe('Service Unavailable');
    expect(valuesOf(response, 'www-authenticate')).toStrictEqual([]);
    expect(noncesOf(response)).toStrictEqual([]);
    expect(Number(valuesOf(response, 'retry-after')[0])).toBeGreaterThan(0);
  },
};

/** Written down a second time: Fig. 20, and what speaks of a resource elsewhere. */
const SENTENCES: Readonly<Record<string, string>> = {
  nonce_missing: 'Authorization server requires nonce in DPoP proof',
  nonce_renewal: 'Authorization server requires a new nonce in DPoP proof',
  https_required: 'This endpoint requires https',
};

/** The characters of RFC 6749 §5.2. */
const DESCRIPTION = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/;

function parseOAuthError(response: RawResponse): Readonly<Record<string, unknown>> {
  expect(valuesOf(response, 'content-type').join()).toMatch(/^application\/json\b/);
  const body = JSON.parse(response.body) as Readonly<Record<string, unknown>>;
  expect(body['error_description']).toMatch(DESCRIPTION);
  return body;
}
