interface Credentials {
  readonly username: string;
  readonly password: string;
}

const MAX_STEPS = 10;

/**
 * A browser without a screen: follows the authorization request to the login form, sends it, and follows the answer to the
 * redirect URI.
 *
 * @returns the redirect URI with the response of the authorization server
 */
export async function logIn(
  authorizationUrl: URL,
  redirectUri: string,
  { username, password }: Credentials,
): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = authorizationUrl;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { accept: 'text/html', cookie },
      ...(form !== undefined && { body: form }),
    });
    for (const [, name = '', value = ''] of response.headers
      .getSetCookie()
      .map((line) => /^([^=]+)=([^;]*)/.exec(line) ?? []))
      cookies.set(name, value);
    const page = await response.text();
    const location = response.headers.get('location');
    if (location === null) {
      if (form !== undefined) throw new Error(`the login form was refused with ${response.status}`);
      form = readForm(page, { username, password });
      url = new URL(/<form[^>]*action="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '', url);
    } else {
      form = undefined;
      url = new URL(location, url);
      if (url.href.startsWith(redirectUri)) return url;
    }
  }
  throw new Error('the authorization server did not come back to the client');
}

/** The hidden fields of the page, with the credentials. */
function readForm(page: string, credentials: Credentials): URLSearchParams {
  const hidden = [...page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
    /name="([^"]*)"/.exec(input)?.[1] ?? '',
    /value="([^"]*)"/.exec(input)?.[1] ?? '',
  ]);
  return new URLSearchParams({ ...Object.fromEntries(hidden), ...credentials });
}
