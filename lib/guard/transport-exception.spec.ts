import { describe, expect, test } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { RpcException } from '@nestjs/microservices';
import { DpopError } from '../errors/dpop.error.js';
import { keepHandshake } from '../transport/handshake.js';
import { loadRpcException } from '../transport/rpc-exception.js';
import { DpopHttpException } from './dpop-http.exception.js';
import { toTransportException } from './transport-exception.js';

class SocketException extends Error {
  constructor(readonly refusal: object) {
    super('refused');
  }
}

describe('the exception of a refusal (J1)', () => {
  const exception = new DpopHttpException(new DpopError('proof_htm'));

  test('on a socket is that of its transport, with status, code and sentence alone', () => {
    const socket = {};
    keepHandshake(socket, {}, (refusal) => new SocketException(refusal));
    const context = new ExecutionContextHost([socket]);
    context.setType('ws');
    const thrown = toTransportException(context, exception);
    expect(thrown).toBeInstanceOf(SocketException);
    expect(thrown).toMatchObject({
      refusal: {
        statusCode: 401,
        code: 'invalid_dpop_proof',
        message: 'The htm claim does not match the request method',
      },
    });
    expect(Object.keys((thrown as SocketException).refusal)).toEqual(['statusCode', 'code', 'message']);
  });

  test('of a message is that of @nestjs/microservices, whose clients read nothing else (J3)', async () => {
    await loadRpcException();
    const context = new ExecutionContextHost([{}, {}]);
    context.setType('rpc');
    const thrown = toTransportException(context, exception);
    expect(thrown).toBeInstanceOf(RpcException);
    expect((thrown as RpcException).getError()).toEqual({
      status: 'error',
      code: 'invalid_dpop_proof',
      message: 'invalid_dpop_proof: The htm claim does not match the request method',
    });
  });

  test.each(['http', 'ws', 'mine'])('on a transport without one, %s, is unchanged', (type) => {
    const context = new ExecutionContextHost([{}, {}]);
    context.setType(type);
    expect(toTransportException(context, exception)).toBe(exception);
  });
});
