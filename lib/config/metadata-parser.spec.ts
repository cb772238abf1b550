import { describe, expect, test } from '@jest/globals';
import type { OriginOption } from '../http/request-origin.js';
import { type MetadataDefaults, type ParsedMetadata, parseMetadata } from './metadata-parser.js';

const HTTP = 'http on loopback only, elsewhere with allowInsecureHttp: true';
const WELL_KNOWN = '/.well-known/oauth-protected-resource';

function parse(
  metadata: unknown,
  origin: OriginOption = ['https://api.test'],
  allowInsecureHttp = false,
): ParsedMetadata {
  const defaults: MetadataDefaults = {
    origin,
    resolveOrigin: ({ host }) => [`https://${host}/v1`],
    issuers: [{ issuer: 'https://a.test' }, { issuer: 'https://b.test' }],
  };
  return parseMetadata(metadata as never, defaults, allowInsecureHttp);
}

const unread = (): never => {
  throw new Error('the request was read');
};

const pathsOf = (metadata: unknown, origin?: OriginOption) => parse(metadata, origin).served?.resources.paths;

describe('the option metadata (I4)', () => {
  test('left out, serves and names nothing', () => {
    expect(parse(undefined)).toEqual({ served: undefined, challengeUrl: undefined });
  });

  test('with a URL names that alone', () => {
    const url = 'https://elsewhere.test/metadata';
    expect(parse({ url })).toEqual({ served: undefined, challengeUrl: url });
    expect(parse({ url: 'http://localhost:3000/x' }).challengeUrl).toBe('http://localhost:3000/x');
    expect(parse({ url: 'http://internal/x' }, undefined, true).challengeUrl).toBe('http://internal/x');
  });

  test('as an empty object serves what other options say, frozen', () => {
    const { served, challengeUrl } = parse({});
    expect(served).toMatchObject({
      scopes: undefined,
      authorizationServers: ['https://a.test', 'https://b.test'],
      name: undefined,
      documentationUrl: undefined,
      policyUrl: undefined,
      termsUrl: undefined,
    });
    expect(challengeUrl).toBe(`https://api.test${WELL_KNOWN}`);
    expect([served, served?.authorizationServers].every(Object.isFrozen)).toBe(true);
  });

  test('has all its members, in copies that are frozen', () => {
    const given = {
      resource: 'https://api.test/accounts',
      scopes: ['read', '!'],
      authorizationServers: ['https://c.test'],
      name: 'Accounts é',
      documentationUrl: 'https://docs.test/',
      policyUrl: 'http://localhost/policy',
      termsUrl: 'https://docs.test/terms?v=1#a',
    };
    const { served } = parse(given);
    const { resource, ...others } = given;
    expect(served).toMatchObject(others);
    expect(served?.resources.resourceAt(`${WELL_KNOWN}/accounts`, unread)).toBe(resource);
    expect(served?.scopes).not.toBe(given.scopes);
    expect([served?.scopes, served?.authorizationServers].every(Object.isFrozen)).toBe(true);
    expect(parse({ scopes: [] }).served?.scopes).toStrictEqual([]);
  });

  test('serves a resource for each origin', () => {
    expect(parse({}).served?.resources.differsByRequest).toBe(false);
    expect(pathsOf({}, ['https://a.test', 'https://b.test/v1'])).toEqual([WELL_KNOWN, `${WELL_KNOWN}/v1`]);
    expect(pathsOf({}, 'request')).toEqual([WELL_KNOWN]);
    expect(pathsOf({}, () => 'https://a.test')).toBeUndefined();
  });

  test('has a resource on one of the origins, as far as those are known', () => {
    const resource = 'https://b.test:8443/accounts';
    const path = [`${WELL_KNOWN}/accounts`];
    expect(pathsOf({ resource }, ['https://a.test', 'https://b.test:8443/v1'])).toEqual(path);
    expect(pathsOf({ resource }, 'request')).toEqual(path);
    expect(pathsOf({ resource }, () => 'https://a.test')).toEqual(path);
    expect(() => parse({ resource }, ['https://b.test'])).toThrow(/^metadata\.resource must be /);
  });

  const RESOURCE = `metadata.resource must be an https URL such as "https://api.example.com/accounts", without query or fragment, on one of the origins of the option origin; ${HTTP}`;
  const PAGE = `must be the https URL of a page; ${HTTP}`;
  const SCOPES =
    'metadata.scopes must be an array of scopes, such as ["accounts:read"]; an empty one names none';
  const SERVERS = `metadata.authorizationServers must be an array of issuers, https URLs such as "https://auth.example.com" without query or fragment; ${HTTP}`;
  const NAME = 'metadata.name must be a name for end users, a string without control characters';
  const URL_FORM = `metadata.url must be the https URL of the protected resource metadata (RFC 9728); ${HTTP}`;

  test.each<[object, string]>([
    [
      { title: 'x' },
      'metadata has no option "title"; known: url, resource, scopes, authorizationServers, name, documentationUrl, policyUrl, termsUrl',
    ],
    [{ url: undefined }, `${URL_FORM}; it is undefined`],
    [{ url: 'https://é.test' }, `${URL_FORM}; it is "https://é.test"`],
    [{ url: 'https://a.test/ x' }, `${URL_FORM}; it is "https://a.test/ x"`],
    [
      { name: 'x', url: 'https://a.test' },
      'metadata has no option "name" beside url, the place of a document that another server serves; leave one of them out',
    ],
    [{ resource: 5 }, `${RESOURCE}; it is 5`],
    [{ resource: 'http://api.test' }, `${RESOURCE}; it is "http://api.test"`],
    [{ resource: 'https://api.test/?a' }, `${RESOURCE}; it is "https://api.test/?a"`],
    [{ resource: 'https://api.test/#a' }, `${RESOURCE}; it is "https://api.test/#a"`],
    [{ resource: 'https://x.test' }, `${RESOURCE}; it is "https://x.test"`],
    [{ scopes: 'read' }, `${SCOPES}; it is "read"`],
    [{ scopes: ['read', 5] }, `${SCOPES}; it is [ 'read', 5 ]`],
    [{ scopes: [' a'] }, `${SCOPES}; it is [ ' a' ]`],
    [{ scopes: ['a '] }, `${SCOPES}; it is [ 'a ' ]`],
    [{ scopes: [''] }, `${SCOPES}; it is [ '' ]`],
    [{ authorizationServers: [] }, `${SERVERS}; it is []`],
    [{ authorizationServers: 'https://a.test' }, `${SERVERS}; it is "https://a.test"`],
    [
      { authorizationServers: ['https://a.test', 'http://b.test'] },
      `${SERVERS}; it is [ 'https://a.test', 'http://b.test' ]`,
    ],
    [{ authorizationServers: ['https://a.test?b'] }, `${SERVERS}; it is [ 'https://a.test?b' ]`],
    [{ authorizationServers: ['https://a.test#b'] }, `${SERVERS}; it is [ 'https://a.test#b' ]`],
    [{ authorizationServers: [5] }, `${SERVERS}; it is [ 5 ]`],
    [{ name: 5 }, `${NAME}; it is 5`],
    [{ name: ' ' }, `${NAME}; it is " "`],
    [{ name: 'a\nb' }, `${NAME}; it is "a\\nb"`],
    [{ documentationUrl: 'docs' }, `metadata.documentationUrl ${PAGE}; it is "docs"`],
    [{ policyUrl: 5 }, `metadata.policyUrl ${PAGE}; it is 5`],
    [{ termsUrl: 'http://a.test' }, `metadata.termsUrl ${PAGE}; it is "http://a.test"`],
  ])('is refused as %j', (metadata, message) => {
    expect(() => parse(metadata)).toThrow(new TypeError(message));
  });

  test('takes http beyond loopback with allowInsecureHttp alone', () => {
    const http = 'http://internal';
    const given = { resource: http, authorizationServers: [http], policyUrl: http };
    expect(parse(given, [http], true).served).toMatchObject({ policyUrl: http });
  });
});
