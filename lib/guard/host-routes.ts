import type { Type } from '@nestjs/common';
import { type ModulesContainer, Reflector } from '@nestjs/core';

/** Nest's `HOST_METADATA`, whose module has moved between its versions. */
const HOST_METADATA = 'host';

type HostOption = string | RegExp | readonly (string | RegExp)[] | undefined;

/** Which hosts a controller serves, in an app that has controllers bound to hosts. */
export class HostRoutes {
  readonly #modules: ModulesContainer;
  readonly #reflector = new Reflector();
  #patterns: readonly RegExp[] | undefined;

  constructor(modules: ModulesContainer) {
    this.#modules = modules;
  }

  /**
   * Which hosts this controller serves: the host of the request and, for a controller without a binding, every host that no
   * other controller is bound to. `undefined` if no controller of the app is bound to a host.
   *
   * @param hostname of the request, by the framework's own trusted-proxy rules, by which it routes
   */
  rule(controller: Type, hostname: () => string | undefined): ((hostname: string) => boolean) | undefined {
    // All controllers are registered before the first request.
    const patterns = (this.#patterns ??= this.#findPatterns());
    if (patterns.length === 0) return undefined;
    const routed = hostname()?.toLowerCase();
    const isBound = this.#hostsOf(controller).length > 0;
    return (host) => host === routed || (!isBound && !patterns.some((pattern) => host.match(pattern)));
  }

  #findPatterns(): readonly RegExp[] {
    const modules = [...this.#modules.values()];
    const controllers = modules.flatMap((module) => [...module.controllers.values()]);
    return controllers.flatMap(({ metatype }) => this.#hostsOf(metatype)).map(toPattern);
  }

  #hostsOf(controller: unknown): (string | RegExp)[] {
    if (typeof controller !== 'function') return [];
    const host = this.#reflector.get<HostOption>(HOST_METADATA, controller);
    return host === undefined ? [] : [host].flat();
  }
}

/** Matches at least the hosts that Nest matches: parameters and groups match anything here. */
function toPattern(host: string | RegExp): RegExp {
  if (host instanceof RegExp) return host;
  const parts = host.split(/\{.*\}|[:*][\w$]+|[:*]"[^"]*"/);
  const literal = parts.map((part) => part.replace(/[^\w]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`, 'i');
}
