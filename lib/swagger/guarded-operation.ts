import { STATUS_CODES } from 'node:http';
import type { RefusalReason } from '../errors/catalogue.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { type DpopPolicy, isReportOnly } from '../verification/policy.js';
import type { OpenApiDocument, OpenApiOperation, SecurityRequirement } from './openapi-document.js';

/** The names under which schemes and schemas stand in the document. */
export const DPOP_SCHEME = 'dpop';
export const BEARER_SCHEME = 'bearer';
export const REFUSAL_SCHEMA = 'DpopRefusal';

const REFUSAL = { $ref: `#/components/schemas/${REFUSAL_SCHEMA}` };
const text = { type: 'string' };

/** Writes scheme, header and refusals of a guarded route into its operation. What the app has documented itself stays. */
export function documentOperation(
  operation: OpenApiOperation,
  policy: DpopPolicy,
  document: OpenApiDocument,
): void {
  const isOptional = policy.anonymous === 'allow' || isReportOnly(policy);
  const allowsBearer = policy.bearer === 'allow-unbound';
  const scopes = scopesIn(policy, document);
  const added: SecurityRequirement[] = [
    { [DPOP_SCHEME]: scopes },
    ...(allowsBearer ? [{ [BEARER_SCHEME]: scopes }] : []),
    ...(isOptional ? [{}] : []),
  ];
  const names = new Set(added.map(nameOf));
  operation.security = [...(operation.security ?? []).filter((item) => !names.has(nameOf(item))), ...added];
  addParameter(operation, !isOptional && !allowsBearer && operation.security.length === 1);
  addResponses(operation, policy);
}

const nameOf = (requirement: SecurityRequirement): string => Object.keys(requirement).join(' ');

/** OpenAPI 3.0 allows no scopes for schemes of HTTP; 3.1 does. */
function scopesIn({ scopes }: DpopPolicy, { openapi = '' }: OpenApiDocument): readonly string[] {
  return openapi.startsWith('3.0') ? [] : (scopes ?? []);
}

function addParameter(operation: OpenApiOperation, required: boolean): void {
  const present = operation.parameters ?? [];
  const isPresent = present.some((parameter) => {
    const { name, in: place } = parameter as { readonly name?: unknown; readonly in?: unknown };
    return place === 'header' && typeof name === 'string' && name.toLowerCase() === 'dpop';
  });
  if (isPresent) return;
  const description =
    'A proof of the key that the access token is bound to (RFC 9449), a new one for each request.';
  operation.parameters = [...present, { name: 'DPoP', in: 'header', required, description, schema: text }];
}

function addResponses(operation: OpenApiOperation, policy: DpopPolicy): void {
  const requirement = describeRequirement(policy);
  operation.responses = {
    ...(!isReportOnly(policy) && {
      '400': {
        description: 'The request is malformed: its path, its host, or how it carries credentials.',
        content: contentOf('authorization_malformed'),
      },
      '401': {
        description: 'Token or proof are missing or not accepted; `code` says why.',
        headers: {
          'WWW-Authenticate': { description: 'The challenge (RFC 9449 §7.1).', schema: text },
          'DPoP-Nonce': { description: 'The nonce for the next proof, with `use_dpop_nonce`.', schema: text },
        },
        content: contentOf('proof_replayed'),
      },
      ...(requirement !== undefined && {
        '403': {
          description: `The token does not permit this: ${requirement}.`,
          content: contentOf(hasScopes(policy) ? 'scope_insufficient' : 'requirement_unmet'),
        },
      }),
      '503': {
        description: 'The service cannot verify at present; the credentials may be good. Try again later.',
        headers: { 'Retry-After': { description: 'In seconds.', schema: text } },
        content: exampleOf(new DpopUnavailableError('replay_store_unavailable')),
      },
    }),
    ...operation.responses,
  };
}

const contentOf = (reason: RefusalReason): object => exampleOf(new DpopError(reason));

function exampleOf({ status, message, code }: DpopError | DpopUnavailableError): object {
  const example = { statusCode: status, message, error: STATUS_CODES[status], code };
  return { 'application/json': { schema: REFUSAL, example } };
}

function hasScopes({ scopes, anyScope }: DpopPolicy): boolean {
  return scopes !== undefined || anyScope !== undefined;
}

/** What the decorators of the route require, in words. `undefined` if every verified token will do. */
function describeRequirement(policy: DpopPolicy): string | undefined {
  const { scopes, anyScope, roles, anyRole, permissions, authorizationDetails, predicates } = policy;
  const nameRole = (role: NonNullable<typeof roles>[number]): string =>
    typeof role === 'string' ? role : `${role.client}/${role.role}`;
  const parts = [
    list('scopes', scopes, ' and '),
    list('scopes', anyScope, ' or '),
    list('roles', roles?.map(nameRole), ' and '),
    list('roles', anyRole?.map(nameRole), ' or '),
    list('permissions', permissions, ' and '),
    list(
      'authorization details',
      authorizationDetails?.map(({ type }) => type),
      ' and ',
    ),
    predicates === undefined ? undefined : 'a condition of the service',
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join('; ');
}

function list(kind: string, names: readonly string[] | undefined, joint: string): string | undefined {
  return names === undefined ? undefined : `${kind} ${names.map((name) => `\`${name}\``).join(joint)}`;
}
