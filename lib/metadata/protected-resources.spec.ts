import { beforeEach, describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import {
  listedResources,
  type ProtectedResources,
  resolvedResources,
  singleResource,
} from './protected-resources.js';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

function requestTo(host: string | undefined, protocol = 'https', rawHeaders: string[] = []): DpopRequest {
  return { method: 'GET', target: '/', rawHeaders, protocol, ...(host !== undefined && { host }) };
}
const unread = (): never => {
  throw new Error('the request was read');
};

describe('one resource for all requests (H)', () => {
  test('has one path, at which the request does not matter', () => {
    const resources = singleResource('https://api.test/v1');
    expect(resources).toMatchObject({
      paths: [`${WELL_KNOWN}/v1`],
      differsByRequest: false,
      challengeUrl: `https://api.test${WELL_KNOWN}/v1`,
    });
    expect(resources.resourceAt(`${WELL_KNOWN}/v1`, unread)).toBe('https://api.test/v1');
    for (const path of [WELL_KNOWN, `${WELL_KNOWN}/v1/`, '/v1'])
      expect(resources.resourceAt(path, unread)).toBeUndefined();
  });
});

describe('several resources (H)', () => {
  let resources: ProtectedResources;

  beforeEach(() => {
    resources = listedResources([
      'https://a.test',
      'https://b.test:8443/v1',
      'https://c.test',
      'http://c.test:443',
      'http://localhost:3000',
      'https://undefined',
    ]);
  });

  const at = (host: string | undefined, path = WELL_KNOWN, protocol?: string): string | undefined =>
    resources.resourceAt(path, () => requestTo(host, protocol));
  const challengeFor = (request: DpopRequest | undefined): unknown =>
    (resources.challengeUrl as (request: DpopRequest | undefined) => unknown)(request);

  test('have each path once, and differ by request', () => {
    expect(resources).toMatchObject({
      paths: [WELL_KNOWN, `${WELL_KNOWN}/v1`],
      differsByRequest: true,
    });
  });

  test('are told apart by the host by which the client came, not by its scheme', () => {
    expect(at('a.test')).toBe('https://a.test');
    expect(at('A.TEST:443')).toBe('https://a.test');
    expect(at('a.test', WELL_KNOWN, 'http')).toBe('https://a.test');
    expect(at('localhost:3000', WELL_KNOWN, 'https')).toBe('http://localhost:3000');
    expect(at('b.test:8443', `${WELL_KNOWN}/v1`)).toBe('https://b.test:8443/v1');
  });

  test('are told apart by the scheme where two have one host', () => {
    expect(at('c.test:443', WELL_KNOWN, 'https')).toBe('https://c.test');
    expect(at('c.test:443', WELL_KNOWN, 'http')).toBe('http://c.test:443');
    expect(at('c.test:443', WELL_KNOWN, 'ftp')).toBe('https://c.test');
  });

  test.each([
    ['another host', 'x.test', WELL_KNOWN],
    ['another port', 'a.test:8443', WELL_KNOWN],
    ['the host of a resource with another path', 'b.test:8443', WELL_KNOWN],
    ['a resource at another host', 'a.test', `${WELL_KNOWN}/v1`],
    ['no host', undefined, WELL_KNOWN],
    ['a host that is none', 'a.test/x', WELL_KNOWN],
  ])('have none for %s', (_what, host, path) => {
    expect(at(host, path)).toBeUndefined();
  });

  test('have none for two hosts, whichever comes first', () => {
    const twice = requestTo('a.test', 'https', ['Host', 'a.test', 'host', 'c.test']);
    expect(resources.resourceAt(WELL_KNOWN, () => twice)).toBeUndefined();
  });

  test('read the request only at a path of theirs', () => {
    expect(resources.resourceAt('/x', unread)).toBeUndefined();
    expect(() => resources.resourceAt(WELL_KNOWN, unread)).toThrow('the request was read');
  });

  test('are named by challenges: that of the host, or else the first', () => {
    expect(challengeFor(requestTo('b.test:8443'))).toBe(`https://b.test:8443${WELL_KNOWN}/v1`);
    for (const request of [undefined, requestTo(undefined), requestTo('x.test')])
      expect(challengeFor(request)).toBe(`https://a.test${WELL_KNOWN}`);
  });

  test('without any, have no path and no URL', () => {
    const none = listedResources([]);
    expect(none.paths).toStrictEqual([]);
    expect((none.challengeUrl as (request: undefined) => unknown)(undefined)).toBeUndefined();
  });
});

describe('resources of the origin of each request (H)', () => {
  const byHost = ({ host }: DpopRequest): readonly string[] =>
    host === undefined ? [] : [`https://${host}`];
  const withPath = ({ host }: DpopRequest): readonly string[] => [`https://${host}/v1`];
  const failing = (error: Error) => (): never => {
    throw error;
  };
  const challengeFor = (resolve: typeof byHost, request: DpopRequest | undefined): unknown =>
    (resolvedResources(resolve, true).challengeUrl as (request: DpopRequest | undefined) => unknown)(request);

  test('without paths have one path', () => {
    const resources = resolvedResources(byHost, false);
    expect(resources).toMatchObject({ paths: [WELL_KNOWN], differsByRequest: true });
    expect(resources.resourceAt(WELL_KNOWN, () => requestTo('a.test'))).toBe('https://a.test');
    expect(resources.resourceAt(WELL_KNOWN, () => requestTo(undefined))).toBeUndefined();
    expect(resources.resourceAt(`${WELL_KNOWN}/v1`, unread)).toBeUndefined();
  });

  test('with paths have as many as requests tell, each at its own', () => {
    const resources = resolvedResources(withPath, true);
    expect(resources.paths).toBeUndefined();
    expect(resources.resourceAt(`${WELL_KNOWN}/v1`, () => requestTo('a.test'))).toBe('https://a.test/v1');
    expect(resources.resourceAt(WELL_KNOWN, () => requestTo('a.test'))).toBeUndefined();
    expect(
      resolvedResources(withPath, false).resourceAt(WELL_KNOWN, () => requestTo('a.test')),
    ).toBeUndefined();
  });

  test('are named by challenges, unless there is no request or no origin', () => {
    expect(challengeFor(withPath, requestTo('a.test'))).toBe(`https://a.test${WELL_KNOWN}/v1`);
    expect(challengeFor(byHost, requestTo(undefined))).toBeUndefined();
    expect(challengeFor(byHost, undefined)).toBeUndefined();
  });

  test('are left out of a challenge if the origin cannot be told, but not if the code is wrong (D5)', () => {
    const request = requestTo('a.test');
    for (const error of [new DpopError('host_unusable'), new DpopUnavailableError('origin_unavailable')]) {
      expect(challengeFor(failing(error), request)).toBeUndefined();
      expect(() => resolvedResources(failing(error), true).resourceAt(WELL_KNOWN, () => request)).toThrow(
        error,
      );
    }
    expect(() => challengeFor(failing(new RangeError('wrong')), request)).toThrow(RangeError);
  });
});
