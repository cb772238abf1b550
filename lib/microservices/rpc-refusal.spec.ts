import { Metadata } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { DpopHttpException } from '../guard/dpop-http.exception.js';
import type { GrpcCall } from './grpc-call.js';
import { toGrpcStatus, toMessageRefusal, UNKNOWN } from './rpc-refusal.js';

const call = { metadata: new Metadata() } as unknown as GrpcCall;
call.metadata.set('authorization', 'DPoP token');

const exceptionOf = (error: DpopError | DpopUnavailableError, headers = {}) =>
  new DpopHttpException(error, undefined, headers);

describe('the refusal of a message (J3)', () => {
  test('has the code and the sentence, and no nonce without one', () => {
    expect(toMessageRefusal(exceptionOf(new DpopError('token_expired')))).toStrictEqual({
      status: 'error',
      code: 'invalid_token',
      message: 'The access token has expired',
    });
  });

  test('brings the nonce that is demanded (E2)', () => {
    const exception = exceptionOf(new DpopError('nonce_missing'), {
      'WWW-Authenticate': 'DPoP',
      'DPoP-Nonce': 'n',
    });
    expect(toMessageRefusal(exception)).toStrictEqual({
      status: 'error',
      code: 'use_dpop_nonce',
      message: exception.message,
      nonce: 'n',
    });
  });
});

describe('the refusal of a call of gRPC (J3)', () => {
  test.each([
    ['malformed', 3, new DpopError('authorization_malformed')],
    ['not authenticated', 16, new DpopError('token_expired')],
    ['not allowed', 7, new DpopError('scope_insufficient')],
    ['not verified at the moment', 14, new DpopUnavailableError('internal_failure')],
  ])('of a request that is %s has the status %i', (_what, code, error) => {
    const details = `${error.code}: ${error.message}`;
    expect(toGrpcStatus(exceptionOf(error), call)).toMatchObject({ code, details, message: details });
    // For what the app refuses by itself.
    expect(UNKNOWN).toEqual({ code: 2, details: 'The call was refused' });
  });

  test('has challenge and nonce in metadata of its own, and no other header', () => {
    const headers = {
      'WWW-Authenticate': 'DPoP algs="ES256"',
      'DPoP-Nonce': 'n',
      'Cache-Control': 'no-store',
    };
    const { metadata } = toGrpcStatus(exceptionOf(new DpopError('nonce_missing'), headers), call) as {
      readonly metadata: Metadata;
    };
    expect(metadata).toBeInstanceOf(Metadata);
    expect(metadata.getMap()).toStrictEqual({ 'www-authenticate': 'DPoP algs="ES256"', 'dpop-nonce': 'n' });
    const bare = toGrpcStatus(exceptionOf(new DpopError('scope_insufficient')), call);
    expect((bare as { readonly metadata: Metadata }).metadata.getMap()).toStrictEqual({});
  });
});
