import { expect, test } from '@jest/globals';
import { RpcException } from '@nestjs/microservices';
import { loadRpcException, toRpcException } from './rpc-exception.js';

// Once in a process: the class stays loaded.
test('a refused message is answered with the code, and a sentence that begins with it, once the class is loaded (J3)', async () => {
  const refusal = { statusCode: 401, code: 'invalid_token', message: 'It has expired' } as const;
  expect(toRpcException(refusal)).toBeUndefined();
  await loadRpcException();
  await loadRpcException();
  const exception = toRpcException(refusal);
  expect(exception).toBeInstanceOf(RpcException);
  expect((exception as RpcException).getError()).toEqual({
    status: 'error',
    code: 'invalid_token',
    message: 'invalid_token: It has expired',
  });
});
