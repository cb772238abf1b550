import { Inject, Injectable } from '@nestjs/common';
import type { BindingClient } from 'nestjs-dpop';
import { type Form, optionalParameter } from './form.js';
import { OAuthError } from './oauth.error.js';
import { digestOf, isEqualSecret } from './secrets.js';
import { SERVER_OPTIONS, type ServerOptions } from './server-options.js';

/** A registered client. */
export interface Client extends BindingClient {
  readonly id: string;
  /** SHA-256 of the secret of a confidential client. */
  readonly secretDigest?: string;
  readonly redirectUris: readonly string[];
  readonly grantTypes: readonly string[];
  readonly scopes: readonly string[];
  /** The `aud` of tokens that are for this client, if it is an API. */
  readonly resource?: string;
}

@Injectable()
export class Clients {
  readonly #clients: ReadonlyMap<string, Client>;

  constructor(@Inject(SERVER_OPTIONS) { clients }: ServerOptions) {
    this.#clients = new Map(clients.map((client) => [client.id, client]));
  }

  find(id: string): Client | undefined {
    return this.#clients.get(id);
  }

  /**
   * The client of a request: a confidential one by `client_secret_basic`, a public one by its `client_id` alone.
   *
   * @throws OAuthError `invalid_client`
   */
  authenticate(authorization: string | undefined, form: Form): Client {
    const formId = optionalParameter(form, 'client_id');
    const { id = formId, secret } = authorization === undefined ? {} : parseBasic(authorization);
    const client = id === undefined ? undefined : this.#clients.get(id);
    if (client === undefined || (formId !== undefined && formId !== client.id)) throw unknownClient();
    if (client.type === 'public') {
      if (authorization !== undefined) throw unknownClient();
      return client;
    }
    if (secret === undefined || !isEqualSecret(digestOf(secret), client.secretDigest ?? ''))
      throw unknownClient();
    return client;
  }
}

/** RFC 6749 §2.3.1: both halves are encoded as in a form. */
function parseBasic(authorization: string): { readonly id?: string; readonly secret?: string } {
  const [, encoded = ''] = /^Basic +([\w+/-]+={0,2})$/i.exec(authorization) ?? [];
  const [, id = '', secret = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  try {
    return { id: decodeFormValue(id), secret: decodeFormValue(secret) };
  } catch {
    throw unknownClient();
  }
}

const decodeFormValue = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

function unknownClient(): OAuthError {
  return new OAuthError('invalid_client', 'Client authentication failed');
}
