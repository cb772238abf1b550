import { Inject, Injectable } from '@nestjs/common';
import { promisify } from 'node:util';
import { scrypt } from 'node:crypto';
import { isEqualSecret, randomSecret } from './secrets.js';
import { SERVER_OPTIONS, type ServerOptions } from './server-options.js';

const derive = promisify<string, string, number, Buffer>(scrypt);

export interface User {
  readonly name: string;
  readonly salt: string;
  /** scrypt of the password, in base64url. */
  readonly passwordHash: string;
}

/** Makes the record of a user. */
export async function createUser(name: string, password: string): Promise<User> {
  const salt = randomSecret();
  return { name, salt, passwordHash: await hashPassword(password, salt) };
}

@Injectable()
export class Users {
  readonly #users: ReadonlyMap<string, User>;

  constructor(@Inject(SERVER_OPTIONS) { users }: ServerOptions) {
    this.#users = new Map(users.map((user) => [user.name, user]));
  }

  /** The user, if the password is right. An unknown name takes as long as a wrong password. */
  async authenticate(name: string, password: string): Promise<User | undefined> {
    const user = this.#users.get(name);
    const hash = await hashPassword(password, user?.salt ?? '');
    return user !== undefined && isEqualSecret(hash, user.passwordHash) ? user : undefined;
  }
}

async function hashPassword(password: string, salt: string): Promise<string> {
  return (await derive(password, salt, 32)).toString('base64url');
}
