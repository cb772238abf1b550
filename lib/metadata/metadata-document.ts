/** The members of protected resource metadata that are the same for all resources of a service (RFC 9728 §2). */
export interface MetadataMembers {
  /** Issuer identifiers. */
  readonly authorizationServers: readonly string[];
  readonly scopes: readonly string[];
  /** The signature algorithms of proofs. */
  readonly proofAlgorithms: Iterable<string>;
  /** Whether no route accepts a token without a proof. */
  readonly proofAlwaysRequired: boolean;
  readonly name: string | undefined;
  readonly documentationUrl: string | undefined;
  readonly policyUrl: string | undefined;
  readonly termsUrl: string | undefined;
}

/**
 * The metadata of a resource as JSON. A list without elements is left out, as RFC 9728 §3.2 requires.
 *
 * @see RFC 9728 §2
 */
export function formatMetadata(resource: string, members: MetadataMembers): string {
  return JSON.stringify({
    resource,
    authorization_servers: filled(members.authorizationServers),
    scopes_supported: filled(members.scopes),
    bearer_methods_supported: ['header'],
    resource_name: members.name,
    resource_documentation: members.documentationUrl,
    resource_policy_uri: members.policyUrl,
    resource_tos_uri: members.termsUrl,
    dpop_signing_alg_values_supported: [...members.proofAlgorithms],
    dpop_bound_access_tokens_required: members.proofAlwaysRequired,
  });
}

function filled(values: readonly string[]): readonly string[] | undefined {
  return values.length === 0 ? undefined : values;
}
