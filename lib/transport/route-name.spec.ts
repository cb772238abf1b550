import { describe, expect, test } from '@jest/globals';
import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import { placeOf, routeNameOf } from './route-name.js';

class AccountsController {
  list(): void {}
}

const contextOf = (type: string) =>
  ({
    getType: () => type,
    getClass: () => AccountsController,
    getHandler: () => AccountsController.prototype.list,
  }) as unknown as ExecutionContext;

const handler = 'AccountsController.list';

describe('the route and the handler of a request (D9)', () => {
  test.each([
    [{ route: { path: '/a/:id' } }, '/a/:id'],
    [{ routeOptions: { url: '/b/:id' } }, '/b/:id'],
    [{ route: { path: '/a' }, routeOptions: { url: '/b' } }, '/b'],
    [{ route: { path: /a/ } }, undefined],
    [{ routeOptions: {} }, undefined],
    [{ route: '/a', routeOptions: '/b' }, undefined],
    [{ route: null, routeOptions: null }, undefined],
    [{}, undefined],
    ['request', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('are read from %j', (request, route) => {
    expect(routeNameOf(contextOf('http'), request)).toEqual({ route, handler });
  });

  test.each([
    [{ path: '/feed' }, '/feed'],
    [{ path: 'feed' }, '/feed'],
    [{ path: '' }, undefined],
    [{ path: 7 }, undefined],
    [{}, undefined],
    [undefined, undefined],
  ])('have the path of a gateway with the options %j', (options, route) => {
    class Gateway {
      read(): void {}
    }
    SetMetadata('websockets:gateway_options', options)(Gateway);
    const context = { ...contextOf('ws'), getClass: () => Gateway, getHandler: () => Gateway.prototype.read };
    expect(routeNameOf(context as never, {})).toEqual({ route, handler: 'Gateway.read' });
  });

  test('have no route in GraphQL, where all have the same', () => {
    expect(routeNameOf(contextOf('graphql'), { route: { path: '/graphql' } })).toEqual({
      route: undefined,
      handler,
    });
  });

  test.each([
    [{ method: 'GET' }, 'GET'],
    [{ method: 'X\nY' }, 'other'],
    [{ method: 7 }, undefined],
    [{}, undefined],
    ['GET', undefined],
    [null, undefined],
  ])('come with the method of %j', (request, method) => {
    expect(placeOf(contextOf('http'), request)).toEqual({ route: undefined, handler, method });
  });
});
