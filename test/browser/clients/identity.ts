/** The user of the test bed has an account of this name, and this decentralized identifier in atproto. */
export const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz';

/** What a directory of atproto answers about the user: the API of the test bed is the user's server. */
export function didDocument(api: string): Readonly<Record<string, unknown>> {
  return {
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: DID,
    service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: api }],
  };
}
