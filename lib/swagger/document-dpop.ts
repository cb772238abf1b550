import type { INestApplication, Type } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { STATUS_OF_CODE } from '../errors/catalogue.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { routePolicyOf } from '../guard/route-policy.js';
import { GuardCoverage } from '../module/guard-coverage.js';
import { routesOf, typesIn } from '../module/routes.js';
import type { DpopPolicy } from '../verification/policy.js';
import { BEARER_SCHEME, documentOperation, DPOP_SCHEME, REFUSAL_SCHEMA } from './guarded-operation.js';
import { type OpenApiDocument, operationsOf } from './openapi-document.js';
import { RouteMarks } from './route-marks.js';

/**
 * Documents DPoP in an OpenAPI document: the scheme, and for each route that a `DpopGuard` covers its security requirement,
 * the header `DPoP`, and the answers 401 and 403, as the options and the decorators of the route have it.
 *
 * @example
 * ```ts
 * const config = new DocumentBuilder().build();
 * const document = documentDpop(app, () => SwaggerModule.createDocument(app, config));
 * ```
 * @param create makes the document with `@nestjs/swagger`, at once
 * @returns the document that `create` made, completed
 * @throws Error when the guarded routes cannot be found in the document
 */
export function documentDpop<T extends object>(app: INestApplication, create: () => T): T {
  const policies = guardedRoutesIn(app);
  const marks = new RouteMarks();
  for (const [type, handlers] of policies) for (const handler of handlers.keys()) marks.add(type, handler);
  let made: T;
  try {
    made = create();
  } finally {
    marks.removeAll();
  }
  const document = made as unknown as OpenApiDocument;
  const operations = [...operationsOf(document)];
  const routes = operations.map((operation) => marks.take(operation));
  if (policies.size > 0 && operations.length > 0 && routes.every((route) => route === undefined))
    throw noRouteFound();
  const documented: DpopPolicy[] = [];
  for (const [at, operation] of operations.entries()) {
    const route = routes[at];
    const policy = route && policies.get(route.type)?.get(route.handler);
    if (policy === undefined) continue;
    documentOperation(operation, policy, document);
    documented.push(policy);
  }
  if (documented.length > 0) addComponents(document, documented);
  return made;
}

/** Of a resource server: `invalid_grant` is an answer of token endpoints. */
const CODES = Object.keys(STATUS_OF_CODE).filter((code) => code !== 'invalid_grant');

/** A document that says nothing of DPoP would call guarded routes open. */
function noRouteFound(): Error {
  return new Error(
    'documentDpop found no guarded route in the document: call SwaggerModule.createDocument within the function that it is ' +
      'given. If the document is to have open routes alone, make it without documentDpop',
  );
}

/** The policies of the HTTP routes that a guard covers. */
function guardedRoutesIn(app: INestApplication): ReadonlyMap<Type, ReadonlyMap<object, DpopPolicy>> {
  const modules = app.get(ModulesContainer);
  const coverage = new GuardCoverage(modules, app.get(ApplicationConfig), true);
  const { policy: service } = app.get<DpopConfig>(DPOP_CONFIG, { strict: false });
  const policies = new Map<Type, Map<object, DpopPolicy>>();
  for (const type of typesIn(modules)) {
    for (const { handler } of routesOf(type)) {
      if (!Reflect.hasMetadata(PATH_METADATA, handler) || !coverage.covers(handler, type)) continue;
      const policy = routePolicyOf(handler, type, service, DpopGuard);
      if (policy === undefined) continue;
      const ofType = policies.get(type) ?? new Map<object, DpopPolicy>();
      policies.set(type, ofType.set(handler, policy));
    }
  }
  return policies;
}

function addComponents(document: OpenApiDocument, policies: readonly DpopPolicy[]): void {
  document.components ??= {};
  const { components } = document;
  const allowsBearer = policies.some(({ bearer }) => bearer === 'allow-unbound');
  const description =
    'An access token that is bound to a key, with a proof of that key in the header DPoP (RFC 9449).';
  components.securitySchemes = {
    [DPOP_SCHEME]: { type: 'http', scheme: 'dpop', description },
    ...(allowsBearer && { [BEARER_SCHEME]: { type: 'http', scheme: 'bearer' } }),
    ...components.securitySchemes,
  };
  components.schemas = {
    [REFUSAL_SCHEMA]: {
      type: 'object',
      required: ['statusCode', 'message', 'error', 'code'],
      properties: {
        statusCode: { type: 'integer' },
        message: { type: 'string' },
        error: { type: 'string' },
        code: { type: 'string', enum: CODES },
      },
    },
    ...components.schemas,
  };
}
