import { type Account, PASSWORD } from './accounts.js';
import type { Answer, HttpClient } from './http-client.js';

/** A browser: keeps cookies, says where its requests come from, and has one CSRF token in its page. */
export class Browser {
  readonly cookies = new Map<string, string>();
  csrfToken: string | null = null;
  accessToken: string | null = null;

  constructor(
    private readonly http: HttpClient,
    readonly from: string,
    readonly userAgent = 'Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36',
  ) {}

  /** The browser of somebody who has just registered. */
  static of(http: HttpClient, account: Account, from: string): Browser {
    const browser = new Browser(http, from);
    browser.cookies.set(...(account.cookie.split('=', 2) as [string, string]));
    browser.csrfToken = account.csrfToken;
    browser.accessToken = account.accessToken;
    return browser;
  }

  get cookieHeader(): string {
    return [...this.cookies].map((pair) => pair.join('=')).join('; ');
  }

  /** Sends a request of our own page and takes in what comes back. */
  async send(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string | undefined> } = {},
  ): Promise<Answer> {
    const headers = {
      'user-agent': this.userAgent,
      'sec-fetch-site': 'same-origin',
      ...(this.cookies.size > 0 ? { cookie: this.cookieHeader } : {}),
      ...options.headers,
    };
    const answer = await this.http.send(method, path, { body: options.body, headers, from: this.from });
    for (const text of answer.headers['set-cookie'] ?? []) {
      const [name, value] = text.split(';', 1)[0].split('=', 2);
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const data = answer.json?.data;
    if (typeof data?.csrfToken === 'string') this.csrfToken = data.csrfToken;
    if (typeof data?.accessToken === 'string') this.accessToken = data.accessToken;
    return answer;
  }

  login(email: string, password = PASSWORD): Promise<Answer> {
    return this.send('POST', '/v1/auth/login', { body: { email, password } });
  }

  refresh(headers: Record<string, string | undefined> = {}): Promise<Answer> {
    return this.send('POST', '/v1/auth/refresh', {
      headers: { ...(this.csrfToken ? { 'x-csrf-token': this.csrfToken } : {}), ...headers },
    });
  }

  me(): Promise<Answer> {
    return this.send('GET', '/v1/auth/me', { headers: { authorization: `Bearer ${this.accessToken}` } });
  }
}
