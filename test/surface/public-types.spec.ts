import { describe, test } from '@jest/globals';
import {
  type ArgumentsHost,
  type DynamicModule,
  type ExecutionContext,
  Injectable,
  ParseUUIDPipe,
} from '@nestjs/common';
import { expectTypeOf } from 'expect-type';
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import {
  type AcceptedNonce,
  type AccessTokenClaims,
  type AccessTokenOption,
  AccessTokenVerifier,
  auth0,
  type Auth0Arguments,
  type AuthenticationRequirement,
  type Clock,
  type Confirmation,
  type ConfirmationCheck,
  confirmClientCertificate,
  Dpop,
  type DPOP_DECISION_CHANNEL,
  DpopBound,
  DpopAuthorizationServerModule,
  type DpopAuthorizationServerOptions,
  type DpopBindings,
  type DpopDecision,
  DpopError,
  type DpopErrorCode,
  DpopModule,
  type DpopModuleAsyncOptions,
  type DpopModuleOptions,
  type DpopOAuthException,
  type DpopOptionsFactory,
  DpopProof,
  type DpopProofVerdict,
  type DpopProofVerifier,
  type DpopRequest,
  type DpopStorage,
  DpopUnavailableError,
  type DpopVerdict,
  type UnmetCheck,
  type DpopVerifier,
  type IssuerResolutionOptions,
  entra,
  type EntraArguments,
  fapi2,
  getDpopProof,
  getDpopVerdict,
  type JwtAccessTokenOptions,
  keycloak,
  type KeycloakArguments,
  MemoryStorage,
  NonceService,
  okta,
  type OktaArguments,
  readStandardRights,
  type RefusalDetail,
  type RefusalReason,
  type RefusedToken,
  type ReplayClaim,
  type ReplayOutcome,
  ReplayStore,
  type RequirableClaim,
  Require,
  RequireAnyRole,
  RequireAnyScope,
  RequireAuthentication,
  RequireAuthorizationDetails,
  type RequiredRole,
  RequirePermissions,
  RequireRoles,
  RequireScopes,
  rfc9068,
  type Rfc9068Arguments,
  type RightsReader,
  SkipDpop,
  type TokenAdviser,
  type TokenBinding,
  type TokenRequestKeys,
  type TokenRights,
  type UnavailableReason,
} from 'nestjs-dpop';
import { type RedisClusterSource, type RedisSource, RedisStorage } from 'nestjs-dpop/redis';
import { TestClient, type TestFetchInit, TestIssuer } from 'nestjs-dpop/testing';

// The compiler checks this file, not Jest: `npm run typecheck` fails where a type is not what a user relies on. What
// must not compile stands under `@ts-expect-error`, in functions that nothing calls.

type RequiredKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T];
type RouteDecorator = MethodDecorator & ClassDecorator;

const issuer = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' };
const good: DpopModuleOptions = { origin: 'https://api.example.com', accessToken: issuer };

describe('options', () => {
  test('origin and accessToken are required, and nothing else is', () => {
    expectTypeOf<RequiredKeys<DpopModuleOptions>>().toEqualTypeOf<'origin' | 'accessToken'>();
    expectTypeOf<RequiredKeys<JwtAccessTokenOptions>>().toEqualTypeOf<'issuer' | 'audience'>();
    // @ts-expect-error accessToken is missing
    expectTypeOf(() => DpopModule.forRoot({ origin: 'https://api.example.com' })).toBeFunction();
    // @ts-expect-error origin is missing
    expectTypeOf(() => DpopModule.forRoot({ accessToken: issuer })).toBeFunction();
    // @ts-expect-error forRoot has options
    expectTypeOf(() => DpopModule.forRoot()).toBeFunction();
    expectTypeOf(DpopModule.forRoot).returns.toEqualTypeOf<DynamicModule>();
  });

  test('have the forms that the documents name', () => {
    expectTypeOf<DpopModuleOptions['origin']>().toEqualTypeOf<
      string | readonly string[] | ((request: DpopRequest) => string)
    >();
    expectTypeOf<AccessTokenOption>().toEqualTypeOf<
      JwtAccessTokenOptions | IssuerResolutionOptions | AccessTokenVerifier
    >();
    expectTypeOf<readonly [typeof issuer, AccessTokenVerifier]>().toExtend<
      DpopModuleOptions['accessToken']
    >();
    expectTypeOf<'off' | 'required' | { mode: 'required'; secret: Uint8Array }>().toExtend<
      DpopModuleOptions['nonce']
    >();
    expectTypeOf<MemoryStorage | RedisStorage>().toExtend<DpopModuleOptions['storage']>();
    expectTypeOf<typeof Date.now>().toExtend<Clock>();
    expectTypeOf<'jkt-only' | typeof confirmClientCertificate>().toExtend<
      DpopModuleOptions['confirmation']
    >();
    expectTypeOf<ConfirmationCheck>().parameters.toEqualTypeOf<[Confirmation, DpopRequest]>();
    expectTypeOf<ConfirmationCheck>().returns.toEqualTypeOf<boolean | Promise<boolean>>();
    expectTypeOf<Confirmation['jkt']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<DpopModuleOptions>().toEqualTypeOf<Readonly<DpopModuleOptions>>();
  });

  test('refuse names and values that do not exist', () => {
    // @ts-expect-error the name is misspelt
    expectTypeOf(() => DpopModule.forRoot({ ...good, orign: 'x' })).toBeFunction();
    // @ts-expect-error the name is misspelt
    expectTypeOf(() => DpopModule.forRoot({ ...good, proof: { maxAge: 60 } })).toBeFunction();
    // @ts-expect-error mode is missing
    expectTypeOf(() => DpopModule.forRoot({ ...good, nonce: { lifetimeSeconds: 60 } })).toBeFunction();
    // @ts-expect-error there is no such mode
    expectTypeOf(() => DpopModule.forRoot({ ...good, nonce: 'optional' })).toBeFunction();
    // @ts-expect-error there is no such value
    expectTypeOf(() => DpopModule.forRoot({ ...good, bearer: 'allow' })).toBeFunction();
    // @ts-expect-error the option is absent, or has a value
    expectTypeOf(() => DpopModule.forRoot({ ...good, realm: undefined })).toBeFunction();
  });
});

describe('profiles', () => {
  test('take the facts of a provider, all of which are required but the version of Entra', () => {
    expectTypeOf<RequiredKeys<KeycloakArguments>>().toEqualTypeOf<'url' | 'realm' | 'audience'>();
    expectTypeOf<RequiredKeys<Auth0Arguments>>().toEqualTypeOf<'domain' | 'audience'>();
    expectTypeOf<RequiredKeys<OktaArguments>>().toEqualTypeOf<
      'domain' | 'authorizationServerId' | 'audience'
    >();
    expectTypeOf<RequiredKeys<EntraArguments>>().toEqualTypeOf<'tenantId' | 'audience'>();
    expectTypeOf<EntraArguments['version']>().toEqualTypeOf<1 | 2 | undefined>();
    expectTypeOf<RequiredKeys<Rfc9068Arguments>>().toEqualTypeOf<'issuer' | 'audience'>();
    expectTypeOf(keycloak).parameters.toEqualTypeOf<[KeycloakArguments]>();
    // @ts-expect-error the realm is missing
    expectTypeOf(() => keycloak({ url: 'https://sso.example.com', audience: 'a' })).toBeFunction();
    // @ts-expect-error there is no such version
    expectTypeOf(() => entra({ tenantId: 'x', audience: 'a', version: 3 })).toBeFunction();
  });

  test('give the options of an issuer, which may be spread', () => {
    expectTypeOf(keycloak).returns.toEqualTypeOf<JwtAccessTokenOptions>();
    expectTypeOf(auth0).returns.toEqualTypeOf<JwtAccessTokenOptions>();
    expectTypeOf(okta).returns.toEqualTypeOf<JwtAccessTokenOptions>();
    expectTypeOf(entra).returns.toEqualTypeOf<JwtAccessTokenOptions>();
    expectTypeOf(rfc9068).returns.toEqualTypeOf<JwtAccessTokenOptions>();
    expectTypeOf(() => ({
      ...auth0({ domain: 'a.example', audience: 'a' }),
      algorithms: ['PS256'],
    })).returns.toExtend<DpopModuleOptions['accessToken']>();
    expectTypeOf(fapi2).parameters.toEqualTypeOf<[DpopModuleOptions]>();
    expectTypeOf(fapi2).returns.toEqualTypeOf<DpopModuleOptions>();
    expectTypeOf<DpopModuleOptions['bearer']>().toEqualTypeOf<
      'reject' | 'allow-unbound' | 'forbid' | undefined
    >();
    // @ts-expect-error a route says whether it allows Bearer, not whether others may
    expectTypeOf(() => Dpop({ bearer: 'forbid' })).toBeFunction();
  });

  test('are made of what an app can write itself', () => {
    expectTypeOf(readStandardRights).toEqualTypeOf<RightsReader>();
    expectTypeOf<JwtAccessTokenOptions['readRights']>().toEqualTypeOf<RightsReader | undefined>();
    expectTypeOf<JwtAccessTokenOptions['advise']>().toEqualTypeOf<TokenAdviser | undefined>();
    expectTypeOf<TokenAdviser>().parameters.toEqualTypeOf<[RefusedToken, string]>();
    expectTypeOf<JwtAccessTokenOptions['requiredClaims']>().toEqualTypeOf<
      readonly RequirableClaim[] | undefined
    >();
    expectTypeOf<RequirableClaim>().toExtend<RefusalDetail>();
    expectTypeOf<DpopVerdict>().toExtend<TokenRights>();
  });
});

describe('forRootAsync', () => {
  class Settings {
    readonly origin = 'https://api.example.com';
  }
  @Injectable()
  class Factory implements DpopOptionsFactory {
    createDpopOptions(): DpopModuleOptions {
      return good;
    }
  }
  class NoFactory {}

  test('takes a factory, sync or async, with what is injected', () => {
    expectTypeOf({ useFactory: () => good }).toExtend<DpopModuleAsyncOptions>();
    expectTypeOf({
      inject: [Settings, { token: 'LIMITS', optional: true }],
      useFactory: ({ origin }: Settings, _limits?: object) => Promise.resolve({ ...good, origin }),
    }).toExtend<DpopModuleAsyncOptions>();
    expectTypeOf({ isGlobal: false, useFactory: () => good }).toExtend<DpopModuleAsyncOptions>();
    expectTypeOf(DpopModule.forRootAsync).parameters.toEqualTypeOf<[DpopModuleAsyncOptions]>();
    expectTypeOf(DpopModule.forRootAsync).returns.toEqualTypeOf<DynamicModule>();
  });

  test('takes a class that creates the options, and no other', () => {
    expectTypeOf({ useClass: Factory }).toExtend<DpopModuleAsyncOptions>();
    expectTypeOf({ useExisting: Factory }).toExtend<DpopModuleAsyncOptions>();
    expectTypeOf<DpopOptionsFactory['createDpopOptions']>().returns.toEqualTypeOf<
      DpopModuleOptions | Promise<DpopModuleOptions>
    >();
    // @ts-expect-error the class has no createDpopOptions
    expectTypeOf(() => DpopModule.forRootAsync({ useClass: NoFactory })).toBeFunction();
    // @ts-expect-error the class has no createDpopOptions
    expectTypeOf(() => DpopModule.forRootAsync({ useExisting: NoFactory })).toBeFunction();
  });

  test('refuses a factory of other options, and unknown names', () => {
    // @ts-expect-error accessToken is missing
    expectTypeOf(() => DpopModule.forRootAsync({ useFactory: () => ({ origin: 'x' }) })).toBeFunction();
    // @ts-expect-error the name is misspelt
    expectTypeOf(() => DpopModule.forRootAsync({ useFactroy: () => good })).toBeFunction();
    // @ts-expect-error a number is no token of a provider
    expectTypeOf(() => DpopModule.forRootAsync({ inject: [1], useFactory: () => good })).toBeFunction();
  });
});

describe('decorators', () => {
  test('@DpopBound takes each key of the verdict, and pipes', () => {
    expectTypeOf(DpopBound).parameter(0).toEqualTypeOf<keyof DpopVerdict | undefined>();
    expectTypeOf(DpopBound).returns.toEqualTypeOf<ParameterDecorator>();
    expectTypeOf(() => [
      DpopBound(),
      DpopBound('claims'),
      DpopBound('subject', ParseUUIDPipe),
    ]).toBeFunction();
    expectTypeOf(() => DpopBound('subject', new ParseUUIDPipe())).toBeFunction();
    // @ts-expect-error the verdict has no such key
    expectTypeOf(() => DpopBound('claim')).toBeFunction();
    // @ts-expect-error a pipe has a method transform
    expectTypeOf(() => DpopBound('subject', class {})).toBeFunction();
  });

  test('@Dpop takes a policy of nonce and bearer', () => {
    expectTypeOf(Dpop).returns.toEqualTypeOf<RouteDecorator>();
    expectTypeOf(() => [Dpop(), Dpop({ nonce: 'required' }), Dpop({ bearer: 'reject' })]).toBeFunction();
    // @ts-expect-error there is no such value
    expectTypeOf(() => Dpop({ nonce: true })).toBeFunction();
    // @ts-expect-error scopes have a decorator of their own
    expectTypeOf(() => Dpop({ scopes: ['read'] })).toBeFunction();
  });

  test('the decorators of rights stand on classes and methods', () => {
    for (const decorator of [RequireAnyScope, RequirePermissions]) {
      expectTypeOf(decorator).parameters.toEqualTypeOf<string[]>();
      expectTypeOf(decorator).returns.toEqualTypeOf<RouteDecorator>();
    }
    for (const decorator of [RequireRoles, RequireAnyRole]) {
      expectTypeOf(decorator).parameters.toEqualTypeOf<RequiredRole[]>();
      expectTypeOf(decorator).returns.toEqualTypeOf<RouteDecorator>();
    }
    expectTypeOf<'admin' | { client: string; role: string }>().toExtend<RequiredRole>();
    // @ts-expect-error one role of a client at a time
    expectTypeOf(() => RequireRoles({ client: 'accounts', roles: ['editor'] })).toBeFunction();
    expectTypeOf(RequireAuthorizationDetails).returns.toEqualTypeOf<RouteDecorator>();
    expectTypeOf(() => RequireAuthorizationDetails('x', ({ amount }) => amount === 1)).toBeFunction();
    // @ts-expect-error the predicate has no time
    expectTypeOf(() => RequireAuthorizationDetails('x', async () => true)).toBeFunction();
    expectTypeOf(Require).returns.toEqualTypeOf<RouteDecorator>();
    expectTypeOf(Require).parameter(0).toEqualTypeOf<(verdict: DpopVerdict) => boolean | Promise<boolean>>();
    // @ts-expect-error nothing is no answer
    expectTypeOf(() => Require(() => undefined)).toBeFunction();
  });

  test('getDpopVerdict takes contexts and requests, and may find nothing', () => {
    expectTypeOf<ExecutionContext | ArgumentsHost | Request>().toExtend<
      Parameters<typeof getDpopVerdict>[0]
    >();
    expectTypeOf(getDpopVerdict).returns.toEqualTypeOf<DpopVerdict | undefined>();
  });

  test('@RequireScopes, @RequireAuthentication and @SkipDpop stand on classes and methods', () => {
    expectTypeOf(RequireScopes).parameters.toEqualTypeOf<string[]>();
    expectTypeOf(RequireScopes).returns.toEqualTypeOf<RouteDecorator>();
    expectTypeOf(RequireAuthentication).parameters.toEqualTypeOf<[AuthenticationRequirement]>();
    expectTypeOf(RequireAuthentication).returns.toEqualTypeOf<RouteDecorator>();
    expectTypeOf(SkipDpop).returns.toEqualTypeOf<RouteDecorator>();
    // @ts-expect-error each scope is an argument of its own
    expectTypeOf(() => RequireScopes(['read'])).toBeFunction();
    // @ts-expect-error the name is misspelt
    expectTypeOf(() => RequireAuthentication({ maxAge: 60 })).toBeFunction();
    // @ts-expect-error acrValues is an array
    expectTypeOf(() => RequireAuthentication({ acrValues: 'phr' })).toBeFunction();
  });
});

describe('verdict, decision and errors', () => {
  test('the members of a verdict are readonly, and present', () => {
    expectTypeOf<DpopVerdict>().toEqualTypeOf<{
      readonly scheme: 'DPoP' | 'Bearer';
      readonly jkt: string | undefined;
      readonly claims: AccessTokenClaims;
      readonly issuer: string | undefined;
      readonly subject: string | undefined;
      readonly clientId: string | undefined;
      readonly scopes: readonly string[];
      readonly roles: readonly string[];
      readonly clientRoles: Readonly<Record<string, readonly string[]>>;
      readonly permissions: readonly string[];
      readonly token: string;
      readonly hasNonce: boolean;
      readonly hasTicket: boolean;
      readonly nextNonce: string | undefined;
      readonly enforced: boolean;
      readonly unmet: UnmetCheck | undefined;
    }>();
    expectTypeOf<UnmetCheck['code']>().toEqualTypeOf<DpopErrorCode>();
    expectTypeOf<AccessTokenClaims['cnf']>().toExtend<{ readonly jkt?: string } | undefined>();
    expectTypeOf<AccessTokenClaims['tenant']>().toBeUnknown();
    expectTypeOf<DpopVerifier['verify']>().returns.toEqualTypeOf<Promise<DpopVerdict>>();
    expectTypeOf<DpopVerifier['verify']>().parameter(0).toEqualTypeOf<DpopRequest>();
    expectTypeOf<RequiredKeys<DpopRequest>>().toEqualTypeOf<'method' | 'target' | 'rawHeaders'>();
    // @ts-expect-error a verdict does not change
    expectTypeOf((verdict: DpopVerdict) => void (verdict.jkt = 'x')).toBeFunction();
    // @ts-expect-error nor do the scopes in it
    expectTypeOf((verdict: DpopVerdict) => verdict.scopes.push('x')).toBeFunction();
  });

  test('the codes of errors are these', () => {
    expectTypeOf<DpopErrorCode>().toEqualTypeOf<
      | 'credentials_missing'
      | 'invalid_request'
      | 'invalid_token'
      | 'invalid_dpop_proof'
      | 'use_dpop_nonce'
      | 'invalid_ticket'
      | 'insufficient_scope'
      | 'insufficient_user_authentication'
      | 'insufficient_rights'
      | 'invalid_grant'
      | 'temporarily_unavailable'
    >();
    expectTypeOf<DpopUnavailableError['code']>().toEqualTypeOf<'temporarily_unavailable'>();
    expectTypeOf<DpopUnavailableError['status']>().toEqualTypeOf<503>();
  });

  test('a DpopError has a reason, a code, a status and details', () => {
    expectTypeOf<DpopError>().toExtend<Error>();
    expectTypeOf<DpopError['name']>().toEqualTypeOf<'DpopError'>();
    expectTypeOf<DpopError['code']>().toEqualTypeOf<DpopErrorCode>();
    expectTypeOf<DpopError['reason']>().toEqualTypeOf<RefusalReason>();
    expectTypeOf<DpopError['status']>().toBeNumber();
    expectTypeOf<DpopError['details']>().toEqualTypeOf<{
      readonly scopes?: readonly string[];
      readonly acrValues?: readonly string[];
      readonly maxAgeSeconds?: number;
      readonly nonce?: string;
      readonly required?: readonly string[];
      readonly missing?: readonly string[];
      readonly detail?: RefusalDetail;
      readonly expected?: readonly string[];
      readonly offBySeconds?: number;
      readonly advice?: string;
    }>();
    expectTypeOf(() => new DpopError('token_expired', { offBySeconds: 3 })).toBeFunction();
    expectTypeOf(
      () =>
        new DpopUnavailableError('issuer_unavailable', { cause: new Error('down'), retryAfterSeconds: 7 }),
    ).toBeFunction();
    // @ts-expect-error there is no such reason
    expectTypeOf(() => new DpopError('expired')).toBeFunction();
    // @ts-expect-error it is the reason of a DpopError
    expectTypeOf(() => new DpopUnavailableError('token_expired')).toBeFunction();
  });

  test('a decision has an outcome, and what is known beside it', () => {
    expectTypeOf<typeof DPOP_DECISION_CHANNEL>().toEqualTypeOf<'nestjs-dpop:decision'>();
    expectTypeOf<DpopDecision>().toEqualTypeOf<{
      readonly outcome: 'accepted' | 'refused' | 'unavailable' | 'anonymous';
      readonly enforced: boolean;
      readonly code: DpopErrorCode | undefined;
      readonly reason: RefusalReason | UnavailableReason | undefined;
      readonly detail: RefusalDetail | undefined;
      readonly expected: readonly string[] | undefined;
      readonly offBySeconds: number | undefined;
      readonly method: string | undefined;
      readonly route: string | undefined;
      readonly handler: string | undefined;
      readonly issuer: string | undefined;
      readonly clientId: string | undefined;
      readonly jkt: string | undefined;
      readonly hasTicket: boolean;
      readonly replayChecked: boolean;
      readonly revocationChecked: boolean;
      readonly durationMs: number;
    }>();
  });
});

describe('authorization servers', () => {
  test('need an issuer, and nothing else', () => {
    expectTypeOf<RequiredKeys<DpopAuthorizationServerOptions>>().toEqualTypeOf<'issuer'>();
    expectTypeOf<DpopAuthorizationServerOptions>().toEqualTypeOf<Readonly<DpopAuthorizationServerOptions>>();
    expectTypeOf<DpopAuthorizationServerOptions['absentProof']>().toEqualTypeOf<
      'refuse' | 'accept' | undefined
    >();
    expectTypeOf(DpopAuthorizationServerModule.forRoot).returns.toEqualTypeOf<DynamicModule>();
    // @ts-expect-error issuer is missing
    expectTypeOf(() => DpopAuthorizationServerModule.forRoot({})).toBeFunction();
    const { issuer: url } = issuer;
    // @ts-expect-error the name is misspelt
    expectTypeOf(() => DpopAuthorizationServerModule.forRoot({ issuer: url, nonces: 'off' })).toBeFunction();
    // @ts-expect-error there is no such value
    expectTypeOf(() => DpopProof({ absentProof: 'optional' })).toBeFunction();
    expectTypeOf(DpopProof).returns.toEqualTypeOf<RouteDecorator>();
  });

  test('bind tokens to keys, and must say which client and which key', () => {
    expectTypeOf<RequiredKeys<TokenRequestKeys>>().toEqualTypeOf<'jkt' | 'client'>();
    expectTypeOf<RequiredKeys<TokenRequestKeys['client']>>().toEqualTypeOf<'type'>();
    expectTypeOf<DpopBindings['ofTokenRequest']>().returns.toEqualTypeOf<TokenBinding>();
    expectTypeOf<DpopBindings['ofAuthorizationRequest']>().returns.toEqualTypeOf<string | undefined>();
    expectTypeOf<TokenBinding['tokenType']>().toEqualTypeOf<'DPoP' | 'Bearer'>();
    expectTypeOf<TokenBinding['confirmation']>().toEqualTypeOf<{ readonly cnf?: { readonly jkt: string } }>();
    expectTypeOf<DpopOAuthException['error']>().toBeString();
  });

  test('read the verdict on a proof, which there may be none of', () => {
    expectTypeOf<DpopProofVerdict>().toEqualTypeOf<{
      readonly jkt: string;
      readonly hasNonce: boolean;
      readonly nextNonce: string | undefined;
    }>();
    expectTypeOf(getDpopProof).returns.toEqualTypeOf<DpopProofVerdict | undefined>();
    expectTypeOf<DpopProofVerifier['verify']>().returns.toEqualTypeOf<
      Promise<DpopProofVerdict | undefined>
    >();
  });
});

describe('ports', () => {
  class Tokens extends AccessTokenVerifier {
    override verify(token: string, ath: string): AccessTokenClaims {
      return { sub: token, cnf: { jkt: ath }, tenant: 7 };
    }

    override async remember(_token: string, _ath: string, _claims: AccessTokenClaims): Promise<void> {
      await Promise.resolve();
    }
  }

  class Store extends ReplayStore {
    override readonly deadlineMs = 100;

    override claim({ id, freshUntilSeconds }: ReplayClaim): Promise<ReplayOutcome> {
      return Promise.resolve(id.length > freshUntilSeconds ? 'first' : 'replayed');
    }

    override epochOf(_jkt: string): string {
      return 'AAAAAAAA';
    }
  }

  class Nonces extends NonceService {
    override readonly maxLifetimeSeconds = 60;

    override issue(epoch = ''): string {
      return epoch;
    }

    override check(nonce: string): AcceptedNonce | undefined {
      return nonce === '' ? undefined : { expiresAtSeconds: 1, epoch: nonce, renewalDue: false };
    }
  }

  class Storage implements DpopStorage {
    readonly shared = true;
    readonly replayStore = new Store();
    readonly nonceSecrets = { secrets: (): readonly Uint8Array[] => [] };

    async open(warn: (text: string) => void, clock: Clock): Promise<void> {
      await Promise.resolve(clock());
      warn('opened');
    }

    close(): void {}
  }

  test('are implemented by classes of an app', () => {
    expectTypeOf<Tokens>().toExtend<AccessTokenOption>();
    expectTypeOf<Store>().toExtend<ReplayStore>();
    expectTypeOf<Nonces>().toExtend<NonceService>();
    expectTypeOf<Storage>().toExtend<NonNullable<DpopModuleOptions['storage']>>();
    expectTypeOf<ReplayOutcome>().toEqualTypeOf<'first' | 'replayed' | 'unknown'>();
  });

  test('have few methods that an app must write', () => {
    expectTypeOf<RequiredKeys<AccessTokenVerifier>>().toEqualTypeOf<'verify'>();
    expectTypeOf<RequiredKeys<ReplayStore>>().toEqualTypeOf<'claim' | 'epochOf'>();
    expectTypeOf<RequiredKeys<NonceService>>().toEqualTypeOf<'issue' | 'check' | 'maxLifetimeSeconds'>();
    expectTypeOf<RequiredKeys<DpopStorage>>().toEqualTypeOf<'replayStore' | 'shared'>();
    // @ts-expect-error verify is missing
    expectTypeOf(() => class extends AccessTokenVerifier {}).toBeFunction();
    // @ts-expect-error claim and epochOf are missing
    expectTypeOf(() => class extends ReplayStore {}).toBeFunction();
    // @ts-expect-error issue, check and maxLifetimeSeconds are missing
    expectTypeOf(() => class extends NonceService {}).toBeFunction();
  });
});

describe('nestjs-dpop/redis', () => {
  test('a storage is made of a client, a URL, options, or the nodes of a cluster', () => {
    expectTypeOf<RedisSource>().toEqualTypeOf<Redis | Cluster | string | RedisOptions | RedisClusterSource>();
    expectTypeOf<{
      host: string;
      sentinels: { host: string; port: number }[];
      name: string;
    }>().toExtend<RedisSource>();
    expectTypeOf<{ nodes: [{ host: string; port: number }, string] }>().toExtend<RedisSource>();
    expectTypeOf<RedisStorage>().toExtend<DpopStorage>();
    expectTypeOf<RedisStorage['shared']>().toEqualTypeOf<true>();
    expectTypeOf(() => new RedisStorage('redis://localhost', { deadlineMs: 100 })).toBeFunction();
    // @ts-expect-error the name is misspelt
    expectTypeOf(() => new RedisStorage('redis://localhost', { prefix: 'a:' })).toBeFunction();
    // @ts-expect-error a storage has a source
    expectTypeOf(() => new RedisStorage()).toBeFunction();
  });
});

describe('nestjs-dpop/testing', () => {
  test('an issuer issues tokens for a client, and fits the options', () => {
    expectTypeOf(TestIssuer.create).returns.resolves.toEqualTypeOf<TestIssuer>();
    expectTypeOf<TestIssuer['accessToken']>().toExtend<DpopModuleOptions['accessToken']>();
    expectTypeOf<TestIssuer['issueToken']>().returns.toEqualTypeOf<Promise<string>>();
    expectTypeOf((made: TestIssuer, client: TestClient) =>
      made.issueToken({ client, scopes: ['read'], claims: { sub: 'user' }, expiresInSeconds: 60 }),
    ).toBeFunction();
    // @ts-expect-error scopes is an array
    expectTypeOf((made: TestIssuer) => made.issueToken({ scopes: 'read' })).toBeFunction();
  });

  test('a client makes proofs, headers and requests', () => {
    expectTypeOf(TestClient.create).returns.resolves.toEqualTypeOf<TestClient>();
    expectTypeOf<TestClient['jkt']>().toBeString();
    expectTypeOf<TestClient['createProof']>().returns.toEqualTypeOf<Promise<string>>();
    expectTypeOf<TestClient['createHeaders']>().returns.toEqualTypeOf<Promise<Record<string, string>>>();
    expectTypeOf<TestClient['fetch']>().parameters.toEqualTypeOf<
      [url: string | URL, init?: TestFetchInit | undefined]
    >();
    expectTypeOf<TestClient['fetch']>().returns.toEqualTypeOf<Promise<Response>>();
    const proof = { method: 'GET', url: 'https://api.test/' };
    expectTypeOf((made: TestClient) => made.createProof(proof)).toBeFunction();
    // @ts-expect-error headers are for a token
    expectTypeOf((made: TestClient) => made.createHeaders(proof)).toBeFunction();
    // @ts-expect-error a proof is for a method
    expectTypeOf((made: TestClient) => made.createProof({ url: 'https://a.test' })).toBeFunction();
  });
});
