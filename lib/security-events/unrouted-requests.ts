import { Inject, Injectable, type Type } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { RECEIVER_CONFIG, type ReceiverConfig } from './receiver-config.js';
import { RECEIVER_PATH, servedPath } from './receiver-path.js';
import { explainParserError, MEDIA_TYPE } from './request-body.js';
import { SecurityEventAnswers } from './security-event-answers.js';
import { SecurityEventError } from './security-event.error.js';
import { SecurityEventReceiver } from './security-event.receiver.js';
import { isAuthorized } from './transmitter.guard.js';

/** The methods that get 405. OPTIONS is left to CORS. */
const OTHER_METHODS = ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'];

/**
 * Answers requests to the path of the receiver that never reach its controller: bodies that a parser in front of it cannot
 * read, and other methods than POST. The platform would answer them in its own form, with a piece of the body in it.
 */
@Injectable()
export class UnroutedRequests {
  constructor(
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
    @Inject(ApplicationConfig) private readonly application: ApplicationConfig,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(RECEIVER_PATH) private readonly path: string,
    @Inject(RECEIVER_CONFIG) private readonly config: ReceiverConfig,
    @Inject(SecurityEventReceiver) private readonly receiver: SecurityEventReceiver,
    @Inject(SecurityEventAnswers) private readonly answers: SecurityEventAnswers,
  ) {}

  /** Called before Nest registers the routes. */
  beforeRoutes(module: Type): void {
    if (this.#platform !== 'fastify') return;
    const path = this.#servedPath(module);
    this.adapterHost.httpAdapter.getInstance<FastifyLike>().addHook('onRoute', (route) => {
      if (route.url !== path || route.method !== 'POST') return;
      route.errorHandler = (error, request, reply) => {
        // Thrown again, an error goes on to the handler of the app.
        if (!this.#answerError(error, request.raw, reply)) throw error;
      };
    });
  }

  /** Called when Nest has registered the routes, and before its own handler of errors. */
  afterRoutes(module: Type): void {
    const path = this.#servedPath(module);
    if (this.#platform === 'express') this.#addLayers(path);
    if (this.#platform === 'fastify') this.#addRoutes(path);
  }

  /** Express goes on with the next layer for what no route has taken. A layer of four parameters is for errors. */
  #addLayers(path: string): void {
    const express = this.adapterHost.httpAdapter.getInstance<ExpressLike>();
    const isOther = ({ method, path: rest }: ExpressRequest): boolean =>
      rest === '/' && OTHER_METHODS.includes(method as string);
    express.use(path, (request: ExpressRequest, response: unknown, next: () => void) => {
      if (isOther(request)) this.#refuseMethod(response);
      else next();
    });
    express.use(
      path,
      (error: unknown, request: ExpressRequest, response: unknown, next: (error: unknown) => void) => {
        if (isOther(request)) this.#refuseMethod(response);
        else if (request.path !== '/' || !this.#answerError(error, request, response)) next(error);
      },
    );
  }

  /** Fastify has a parser for each content type, and routes for each method. */
  #addRoutes(url: string): void {
    const fastify = this.adapterHost.httpAdapter.getInstance<FastifyLike>();
    if (!fastify.hasContentTypeParser(MEDIA_TYPE)) {
      // The receiver reads the stream itself, within its own limit.
      fastify.addContentTypeParser(MEDIA_TYPE, (_request, payload, done) => done(null, payload));
    }
    const handler = (_request: unknown, reply: unknown): void => this.#refuseMethod(reply);
    for (const method of OTHER_METHODS) {
      // In the first hook, before a body is read.
      if (!fastify.hasRoute({ method, url })) fastify.route({ method, url, onRequest: handler, handler });
    }
  }

  #refuseMethod(response: unknown): void {
    this.answers.failed(response, this.receiver.refuse(new SecurityEventError('method')));
  }

  /** @returns whether the error is about the body, and answered */
  #answerError(error: unknown, message: IncomingMessage, response: unknown): boolean {
    const explained = explainParserError(error, message);
    if (explained === undefined) return false;
    // As on all other ways, `Authorization` decides first.
    const answer = isAuthorized(message, this.config) ? explained : new SecurityEventError('authorization');
    if (answer instanceof DpopUnavailableError) this.receiver.fail(answer);
    else this.receiver.refuse(answer);
    this.answers.failed(response, answer);
    return true;
  }

  get #platform(): string | undefined {
    const { httpAdapter } = this.adapterHost;
    // A microservice and an application context have none.
    return (httpAdapter as unknown) ? httpAdapter.getType() : undefined;
  }

  #servedPath(module: Type): string {
    return servedPath(this.path, module, this.application, this.modules);
  }
}

type ExpressRequest = IncomingMessage & { readonly path: string };

/** What the module uses of Express and Fastify, which are no dependencies. */
interface ExpressLike {
  use(
    path: string,
    layer:
      | ((request: ExpressRequest, response: unknown, next: () => void) => void)
      | ((
          error: unknown,
          request: ExpressRequest,
          response: unknown,
          next: (error: unknown) => void,
        ) => void),
  ): void;
}

interface FastifyLike {
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
  hasRoute(route: { readonly method: string; readonly url: string }): boolean;
  route(route: object): void;
  hasContentTypeParser(type: string): boolean;
  addContentTypeParser(
    type: string,
    parser: (request: unknown, payload: unknown, done: (error: null, body: unknown) => void) => void,
  ): void;
}

interface FastifyRoute {
  readonly url: string;
  readonly method: string | readonly string[];
  errorHandler?: (error: unknown, request: { readonly raw: IncomingMessage }, reply: unknown) => void;
}
