/** Speaks to a running product. */
export class Api {
  constructor(private readonly port: number) {}

  /** @returns the answer's `data`; throws for any answer that is no success */
  async post<T>(path: string, credential: string | null, body: object): Promise<T> {
    const { data } = await this.send<T>(path, credential, { method: 'POST', body: JSON.stringify(body) });
    return data;
  }

  get<T>(path: string, credential: string): Promise<{ data: T; meta?: { nextCursor: string | null } }> {
    return this.send<T>(path, credential, {});
  }

  private async send<T>(path: string, credential: string | null, init: RequestInit) {
    const headers = {
      ...(init.body ? { 'content-type': 'application/json' } : {}),
      ...(credential ? { authorization: `Bearer ${credential}` } : {}),
    };
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { ...init, headers });
    const answer = (await response.json()) as { data: T; meta?: { nextCursor: string | null } };
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${JSON.stringify(answer)}`);
    return answer;
  }
}
