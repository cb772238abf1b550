import { expect, test } from '@jest/globals';
import { RpcException } from '@nestjs/microservices';
import { loadRpcException, toRpcException } from './rpc-exception.js';

test('a refused message is answered with the code, and a sentence that begins with it (J3)', async () => {
  await loadRpcException();
  const exception = toRpcException({ statusCode: 401, code: 'invalid_token', message: 'It has expired' });
  expect(exception).toBeInstanceOf(RpcException);
  expect((exception as RpcException).getError()).toEqual({
    status: 'error',
    code: 'invalid_token',
    message: 'invalid_token: It has expired',
  });
});
