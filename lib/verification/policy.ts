import type { DpopVerdict } from './verdict.js';

/** What a route requires beyond a bound token and a proof. */
export interface DpopPolicy {
  /** Whether a proof must carry a nonce that this service issued. A nonce that is sent must be valid in both cases. */
  readonly nonce: 'off' | 'required';
  /** Whether unbound tokens are accepted as `Bearer`, while a service migrates. A bound token never is. */
  readonly bearer: 'reject' | 'allow-unbound';
  /**
   * `report` verifies the request and lets it through in any case; the log and the decision channel tell what would have
   * been refused. Default `enforce`. Only `DpopGuard` and the adapters for sockets know it: `DpopVerifier` throws.
   */
  readonly enforcement?: 'enforce' | 'report';
  /** `allow` lets a request without any credentials through as nobody. Credentials that are sent must be good. Default `reject`. */
  readonly anonymous?: 'reject' | 'allow';
  /** Whether a ticket of `DpopTickets` is accepted in place of token and proof, once. Default `reject`: it is not read. */
  readonly ticket?: 'reject' | 'allow';
  /**
   * Whether the response ends when the access token does, or when it is revoked. For responses over HTTP that take long:
   * an event stream is closed, any other connection is cut off.
   */
  readonly endAtExpiry?: boolean;
  /** Scopes that the token must have, all of them. */
  readonly scopes?: readonly string[];
  /** Scopes of which the token must have one. */
  readonly anyScope?: readonly string[];
  /** Roles that the token must have, all of them. */
  readonly roles?: readonly RequiredRole[];
  /** Roles of which the token must have one. */
  readonly anyRole?: readonly RequiredRole[];
  /** Permissions that the token must have, all of them. */
  readonly permissions?: readonly string[];
  /** Authorization details that the token must have (RFC 9396), for each of these requirements an entry that meets it. */
  readonly authorizationDetails?: readonly AuthorizationDetailsRequirement[];
  /** How the user must have been authenticated (RFC 9470). */
  readonly authentication?: AuthenticationRequirement;
  /** Questions about the verdict, each of which must be answered with `true`. Asked last. */
  readonly predicates?: readonly VerdictPredicate[];
}

/** Whether a request of this policy may use the scheme Bearer. A service that forbids it overrules every policy. */
export function permitsBearer(
  { bearer }: DpopPolicy,
  { forbidsBearer }: { readonly forbidsBearer: boolean },
): boolean {
  return bearer === 'allow-unbound' && !forbidsBearer;
}

/** Whether a request that does not meet the policy is let through all the same. */
export function isReportOnly({ enforcement }: DpopPolicy): boolean {
  return enforcement === 'report';
}

/** Whether a request of this policy may come with a ticket. A service that forbids them overrules every policy. */
export function permitsTicket(
  { ticket }: DpopPolicy,
  { forbidsTickets }: { readonly forbidsTickets: boolean },
): boolean {
  return ticket === 'allow' && !forbidsTickets;
}

/** One policy over another. The lower one decides what the upper one leaves out or undefined. */
export function overlayPolicy(lower: DpopPolicy, upper: Partial<DpopPolicy>): DpopPolicy {
  const defined = Object.entries(upper).filter(([, value]) => value !== undefined);
  return { ...lower, ...(Object.fromEntries(defined) as Partial<DpopPolicy>) };
}

/** A role: its name for one that holds for the whole realm or tenant, or the role of one client or API. */
export type RequiredRole = string | { readonly client: string; readonly role: string };

/** One entry of the claim `authorization_details` (RFC 9396 §2). */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** One entry of `authorization_details` must have this type, and satisfy the predicate, if there is one. */
export interface AuthorizationDetailsRequirement {
  readonly type: string;
  readonly predicate?: AuthorizationDetailPredicate;
}

/** Whether an entry permits what the route does. Only `true` and `false` are answers, and no promise is. */
export type AuthorizationDetailPredicate = (detail: AuthorizationDetail) => boolean;

/** Whether the route takes a request with this verdict. Only `true` and `false` are answers. */
export type VerdictPredicate = (verdict: DpopVerdict) => boolean | Promise<boolean>;

/** A requirement for step-up authentication: RFC 9470 §3. */
export interface AuthenticationRequirement {
  /** `acr` of the token must be one of these authentication context classes. */
  readonly acrValues?: readonly string[];
  /** The user's last active authentication, `auth_time`, may be at most this old. */
  readonly maxAgeSeconds?: number;
}
