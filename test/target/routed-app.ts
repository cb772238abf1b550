import type { AddressInfo } from 'node:net';
import { Controller, Get, type INestApplication, Module, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DpopGuard, DpopModule, type DpopModuleOptions } from '../../lib/index.js';

/** Routers that read targets in different ways. */
export const ROUTERS = ['express', 'fastify', 'lax fastify'] as const;
export type RouterName = (typeof ROUTERS)[number];

/** Paths that lead to each of the routes below. */
export const ROUTED_PATHS = [
  '/',
  '/accounts',
  '/admin',
  '/admin/keys',
  '/v2/pay',
  '/orders/42',
  '/orders/42/items/7',
  '/acme/accounts',
  "/it's",
  '/one/two',
  '/alone',
];

export interface RoutedApp {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts an app with static routes beside such with parameters, whose guarded handlers answer with their names. */
export async function startRoutedApp(router: RouterName, dpop: DpopModuleOptions): Promise<RoutedApp> {
  @Module({ imports: [DpopModule.forRoot(dpop)], controllers: [createController(router)] })
  class RoutedModule {}
  const nest: INestApplication = await NestFactory.create(RoutedModule, createAdapter(router), {
    logger: false,
    abortOnError: false,
  });
  await nest.listen(0, '127.0.0.1');
  const { port } = (nest.getHttpServer() as { address(): AddressInfo }).address();
  return { port, close: () => nest.close() };
}

function createAdapter(router: RouterName): ExpressAdapter | FastifyAdapter {
  if (router === 'express') return new ExpressAdapter();
  if (router === 'fastify') return new FastifyAdapter({ forceCloseConnections: true });
  return new FastifyAdapter({
    forceCloseConnections: true,
    useSemicolonDelimiter: true,
    ignoreTrailingSlash: true,
    ignoreDuplicateSlashes: true,
    caseSensitive: false,
    maxParamLength: 20,
  });
}

function createController(router: RouterName): Type {
  const rest = router === 'express' ? '*rest' : '*';

  @UseGuards(DpopGuard)
  @Controller()
  class RoutedController {
    @Get()
    root(): string {
      return 'root';
    }

    @Get('accounts')
    accounts(): string {
      return 'accounts';
    }

    @Get('admin')
    admin(): string {
      return 'admin';
    }

    @Get('admin/keys')
    adminKeys(): string {
      return 'admin keys';
    }

    @Get('v2/pay')
    pay(): string {
      return 'pay';
    }

    @Get("it's")
    quoted(): string {
      return 'quoted';
    }

    @Get('orders/:id')
    order(): string {
      return 'order';
    }

    @Get(`orders/:id/${rest}`)
    orderParts(): string {
      return 'order parts';
    }

    @Get(':tenant/accounts')
    tenantAccounts(): string {
      return 'tenant accounts';
    }

    @Get(':a/:b')
    two(): string {
      return 'two';
    }

    @Get(':alone')
    one(): string {
      return 'one';
    }
  }
  return RoutedController;
}
