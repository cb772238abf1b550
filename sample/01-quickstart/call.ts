import { REGISTERED_CLIENT, SCOPES } from './authorization-server/registered-client.js';
import { QuickstartClient } from './client/quickstart-client.js';

const [verb = 'GET', path = '/accounts', api = 'http://127.0.0.1:3000', issuer = 'http://127.0.0.1:3001'] =
  process.argv.slice(2);
const method = verb.toUpperCase();

try {
  const client = await QuickstartClient.create({ issuer, api, credentials: REGISTERED_CLIENT });
  const token = await client.fetchToken(...SCOPES);
  console.log(`${method} ${path}, with a token bound to the key ${client.jkt}`);
  const response = await client.call({ method, path, token });
  console.log(`${response.status} ${response.statusText}`);
  const challenge = response.headers.get('www-authenticate');
  if (challenge !== null) console.log(`WWW-Authenticate: ${challenge}`);
  console.log(await response.text());
  if (!response.ok) process.exitCode = 1;
} catch (error) {
  console.error(
    `${api} or ${issuer} cannot be reached. Run "npm start" first, and pass the URLs that it prints.`,
  );
  console.error(error);
  process.exitCode = 1;
}
