import { Inject, Injectable, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { classPolicyOf } from '../guard/route-policy.js';
import { isObject } from '../http/is-object.js';
import type { RouteName } from '../http/place.js';
import { gatewayPathOf } from '../transport/route-name.js';
import { type DpopPolicy, isReportOnly } from '../verification/policy.js';
import { type ClassPolicy, unitePolicies } from './united-policy.js';

/** A gateway of the app, with what `@WebSocketGateway` says of it. */
export interface Gateway {
  readonly type: Type;
  /** 0 for the port of the app. */
  readonly port: number;
  /** The options of `@WebSocketGateway`, such as `path` and `namespace`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The policy of its class, over that of the service; `undefined` for a gateway that `@SkipDpop` opens. */
  readonly policy: DpopPolicy | undefined;
}

/** What one connection must meet. */
export interface ConnectionPolicy {
  /** `undefined` for an open connection. */
  readonly policy: DpopPolicy | undefined;
  /** The gateways behind it, for the operator. */
  readonly name: RouteName;
}

/** The metadata keys of @nestjs/websockets, which an app without sockets does not have. */
const GATEWAY_METADATA = 'websockets:is_gateway';
const PORT_METADATA = 'port';
const GATEWAY_OPTIONS = 'websockets:gateway_options';

/** Finds the gateways of the app, and tells what a connection to some of them must meet. For the adapters. */
@Injectable()
export class GatewayPolicies {
  #gateways: readonly Gateway[] | undefined;

  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(DPOP_CONFIG) private readonly config: DpopConfig,
  ) {}

  /** All gateways, each class once. Nest knows them before it asks an adapter for a server. */
  get gateways(): readonly Gateway[] {
    return (this.#gateways ??= gatewayTypesIn(this.modules).map((type) => ({
      type,
      port: portOf(type),
      options: optionsOf(type),
      policy: classPolicyOf(type, this.config.policy, DpopGuard),
    })));
  }

  /**
   * What a connection must meet that these gateways share: all that their classes require. It is open only if `@SkipDpop`
   * opens each of them. A connection without a gateway must meet the policy of the service.
   *
   * @throws TypeError for requirements of several gateways that have no sum
   */
  unite(gateways: readonly Gateway[]): ConnectionPolicy {
    const name = nameOf(gateways);
    if (gateways.length === 0) return { policy: this.config.policy, name };
    const closed = gateways.filter(isClosed);
    return { policy: closed.length === 0 ? undefined : unitePolicies(closed), name };
  }

  /**
   * What a connection must meet before it is known which of these gateways it is for: possession of the key, without any
   * rights. It must carry a nonce if one gateway requires it, and may do what one allows: call `unite` for the gateways that
   * the connection then chooses.
   */
  admit(gateways: readonly Gateway[]): ConnectionPolicy {
    const name = nameOf(gateways);
    if (gateways.length === 0) return { policy: admissionOf([this.config.policy]), name };
    const policies = gateways.filter(isClosed).map(({ policy }) => policy);
    return { policy: policies.length === 0 ? undefined : admissionOf(policies), name };
  }
}

function admissionOf(policies: readonly DpopPolicy[]): DpopPolicy {
  return Object.freeze({
    nonce: policies.some(({ nonce }) => nonce === 'required') ? 'required' : 'off',
    bearer: policies.some(({ bearer }) => bearer === 'allow-unbound') ? 'allow-unbound' : 'reject',
    enforcement: policies.some(isReportOnly) ? 'report' : 'enforce',
    anonymous: policies.some(({ anonymous }) => anonymous === 'allow') ? 'allow' : 'reject',
    ticket: policies.some(({ ticket }) => ticket === 'allow') ? 'allow' : 'reject',
  });
}

/** As Nest finds them: classes that are providers of a module. */
function gatewayTypesIn(modules: ModulesContainer): readonly Type[] {
  const wrappers = [...modules.values()].flatMap(({ providers }) => [...providers.values()]);
  // The metatype of a value is null, and that of a factory its function, which bears no mark.
  const types = wrappers
    .map(({ metatype }) => metatype)
    .filter((metatype): metatype is Type => isGateway(metatype));
  return [...new Set(types)];
}

/** Whether Nest takes a class for a gateway. */
export function isGateway(metatype: unknown): boolean {
  return typeof metatype === 'function' && Reflect.getMetadata(GATEWAY_METADATA, metatype) === true;
}

function portOf(type: Type): number {
  const port: unknown = Reflect.getMetadata(PORT_METADATA, type);
  return typeof port === 'number' ? port : 0;
}

function optionsOf(type: Type): Readonly<Record<string, unknown>> {
  const options: unknown = Reflect.getMetadata(GATEWAY_OPTIONS, type);
  return isObject(options) ? options : {};
}

function isClosed(gateway: Gateway): gateway is Gateway & ClassPolicy {
  return gateway.policy !== undefined;
}

function nameOf(gateways: readonly Gateway[]): RouteName {
  const [first] = gateways;
  if (first === undefined) return {};
  // Gateways that share a connection have one path.
  return { route: gatewayPathOf(first.type), handler: gateways.map(({ type }) => type.name).join(', ') };
}
