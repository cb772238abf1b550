import { describe, expect, test } from '@jest/globals';
import { formatMetadata, type MetadataMembers } from './metadata-document.js';
import { metadataPathOf, metadataUrlOf } from './metadata-url.js';

const members: MetadataMembers = {
  authorizationServers: ['https://a.test', 'https://b.test'],
  scopes: ['read', 'write'],
  proofAlgorithms: new Set(['ES256', 'PS256']),
  proofAlwaysRequired: true,
  name: 'Accounts',
  documentationUrl: 'https://api.test/docs',
  policyUrl: 'https://api.test/policy',
  termsUrl: 'https://api.test/terms',
};

describe('protected resource metadata (H)', () => {
  test('has the members of RFC 9728, and the resource as it is given', () => {
    expect(JSON.parse(formatMetadata('https://api.test/v1', members))).toEqual({
      resource: 'https://api.test/v1',
      authorization_servers: ['https://a.test', 'https://b.test'],
      scopes_supported: ['read', 'write'],
      bearer_methods_supported: ['header'],
      resource_name: 'Accounts',
      resource_documentation: 'https://api.test/docs',
      resource_policy_uri: 'https://api.test/policy',
      resource_tos_uri: 'https://api.test/terms',
      dpop_signing_alg_values_supported: ['ES256', 'PS256'],
      dpop_bound_access_tokens_required: true,
    });
  });

  test('has no list without elements, and no member that the service does not set', () => {
    const few: MetadataMembers = {
      authorizationServers: [],
      scopes: [],
      proofAlgorithms: ['ES256'],
      proofAlwaysRequired: false,
      name: undefined,
      documentationUrl: undefined,
      policyUrl: undefined,
      termsUrl: undefined,
    };
    expect(JSON.parse(formatMetadata('https://api.test', few))).toEqual({
      resource: 'https://api.test',
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: ['ES256'],
      dpop_bound_access_tokens_required: false,
    });
  });
});

describe('where a resource has its metadata (H)', () => {
  const WELL_KNOWN = '/.well-known/oauth-protected-resource';

  test.each([
    ['https://api.test', 'https://api.test', WELL_KNOWN],
    ['https://api.test/', 'https://api.test', WELL_KNOWN],
    ['https://api.test:8443/v1', 'https://api.test:8443', `${WELL_KNOWN}/v1`],
    ['https://api.test/v1/', 'https://api.test', `${WELL_KNOWN}/v1/`],
    ['https://api.test/%7ea%c3%a9', 'https://api.test', `${WELL_KNOWN}/~a%C3%A9`],
    ['https://api.test/%zz', 'https://api.test', `${WELL_KNOWN}/%zz`],
  ])('%s', (resource, origin, path) => {
    expect(metadataPathOf(resource)).toBe(path);
    expect(metadataUrlOf(resource)).toBe(origin + path);
  });
});
