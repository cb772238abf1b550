import { ADA } from '../authorization-server/registered.js';

/** The browser of the user, who logs in: follows the authorization URL, fills in the form, and is sent back to the app. */
export async function logIn(
  authorizationUrl: URL,
  { name, password }: { readonly name: string; readonly password: string } = ADA,
): Promise<URL> {
  const page = await fetch(authorizationUrl);
  const html = await page.text();
  const [, interaction] = /name="interaction" value="([\w-]+)"/.exec(html) ?? [];
  if (interaction === undefined) throw new Error(`no login page: ${page.status} ${html}`);
  const [cookie = ''] = page.headers.getSetCookie();
  const response = await fetch(new URL('/authorize', authorizationUrl), {
    method: 'POST',
    body: new URLSearchParams({ interaction, username: name, password }),
    headers: { cookie: cookie.split(';')[0] ?? '' },
    redirect: 'manual',
  });
  const location = response.headers.get('location');
  if (location === null) throw new Error(`the login failed: ${response.status} ${await response.text()}`);
  return new URL(location);
}
