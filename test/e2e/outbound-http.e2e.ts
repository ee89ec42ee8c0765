import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/platform/config/config.js';
import { NameResolver } from '../../src/platform/net/name-resolver.js';
import { OutboundFailedError, OutboundHttp } from '../../src/platform/net/outbound-http.js';
import { OutboundGuard, OutboundRefusedError } from '../../src/platform/net/outbound-url.js';
import { Tracing } from '../../src/platform/tracing/tracing.js';
import { makeCertificate } from '../harness/certificate.js';

/** Stands for a public host. */
const OUTSIDE = '127.7.0.1';
/** Stands for an inner one. */
const INSIDE = '127.8.0.1';

/** A name server that the attacker runs: each question is answered with the next of these. */
class HostileNames extends NameResolver {
  asked = 0;
  constructor(private readonly answers: string[][]) {
    super();
  }
  override addressesOf(): Promise<string[]> {
    return Promise.resolve(this.answers[Math.min(this.asked++, this.answers.length - 1)]);
  }
}

function sender(names: NameResolver = new NameResolver(), ca: string | null = null) {
  const config = {
    outboundAllowedRanges: [`${OUTSIDE}/32`],
    auditForwardAllowedRanges: [],
    outboundAllowHttp: true,
  };
  const guard = new OutboundGuard(config as unknown as Config, names);
  const http = new OutboundHttp(guard, new Tracing(null));
  return (url: string, timeoutMs = 2000) =>
    http.send({
      url,
      policy: guard.forTeams,
      method: 'POST',
      headers: {},
      body: Buffer.from('x'),
      timeoutMs,
      ca,
    });
}

describe('a request to a host outside', () => {
  const servers: Server[] = [];
  const reached: string[] = [];
  let port: number;

  afterEach(async () => {
    reached.length = 0;
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  async function listen(host: string, handler: RequestListener, atPort = 0): Promise<number> {
    const server = createServer((request, response) => {
      reached.push(`${host}${request.url}`);
      handler(request, response);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(atPort, host, resolve));
    return (server.address() as AddressInfo).port;
  }

  it('arrives, with its body and the host it was meant for', async () => {
    let body = '';
    let host: string | undefined;
    port = await listen(OUTSIDE, (request, response) => {
      ({ host } = request.headers);
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => response.end('thanks'));
    });
    const names = new HostileNames([[OUTSIDE]]);
    const answer = await sender(names)(`http://hooks.example.com:${port}/in`);
    expect([answer.status, answer.body.toString(), body, host]).toEqual([
      200,
      'thanks',
      'x',
      `hooks.example.com:${port}`,
    ]);
    expect(names.asked).toBe(1);
  });

  it('goes to the address that was checked, although the name means another one by now', async () => {
    port = await listen(OUTSIDE, (_request, response) => response.end());
    await listen(INSIDE, (_request, response) => response.end(), port);
    const names = new HostileNames([[OUTSIDE], [INSIDE]]);
    const send = sender(names);
    await send(`http://rebind.example.com:${port}/first`);
    await expect(send(`http://rebind.example.com:${port}/second`)).rejects.toThrow(OutboundRefusedError);
    expect(reached).toEqual([`${OUTSIDE}/first`]);
  });

  it('does not follow a redirect, whether to this machine or anywhere else', async () => {
    const inner = await listen(INSIDE, (_request, response) => response.end());
    for (const status of [301, 302, 303, 307, 308]) {
      port = await listen(OUTSIDE, (_request, response) => {
        response.writeHead(status, { location: `http://${INSIDE}:${inner}/metadata` }).end();
      });
      expect((await sender()(`http://${OUTSIDE}:${port}/`)).status).toBe(status);
    }
    expect(reached.filter((text) => text.startsWith(INSIDE))).toEqual([]);
  });

  it.each([
    ['a receiver that never answers', () => undefined],
    [
      'one that drips',
      (_request: unknown, response: ServerResponse) => {
        const drip = setInterval(() => response.write('.'), 50);
        drip.unref();
        response.once('close', () => clearInterval(drip));
      },
    ],
  ])('ends in time for %s', async (_name, handler) => {
    port = await listen(OUTSIDE, handler);
    const startMs = Date.now();
    await expect(sender()(`http://${OUTSIDE}:${port}/`, 400)).rejects.toMatchObject({ code: 'TIMEOUT' });
    // Without a limit of its own a request may take 15 s.
    expect(Date.now() - startMs).toBeLessThan(12_000);
  });

  it('ends in time for a name server that never answers', async () => {
    const names = { addressesOf: () => new Promise<never>(() => undefined) } as unknown as NameResolver;
    await expect(sender(names)('http://slow.example.com/', 300)).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it.each([
    [
      'an answer that switches protocols',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n',
    ],
    ['one that does so unasked', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a hint that nothing follows', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['a connection closed without a word', ''],
    ['a body that breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
  ])('fails in time for %s', async (_name, answer) => {
    port = await listen(OUTSIDE, ({ socket }) => socket.end(answer));
    await expect(sender()(`http://${OUTSIDE}:${port}/`)).rejects.toBeInstanceOf(OutboundFailedError);
    port = await listen(OUTSIDE, ({ socket }) => socket.write(answer));
    const startMs = Date.now();
    await expect(sender()(`http://${OUTSIDE}:${port}/`, 400)).rejects.toBeInstanceOf(OutboundFailedError);
    expect(Date.now() - startMs).toBeLessThan(12_000);
  });

  it('takes an answer whole that ends with its connection', async () => {
    port = await listen(OUTSIDE, ({ socket }) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(50_000)}`));
    const { status, body } = await sender()(`http://${OUTSIDE}:${port}/`);
    expect([status, body.length]).toEqual([200, 50_000]);
  });

  it('takes no answer without end', async () => {
    port = await listen(OUTSIDE, (_request, response) => {
      const block = Buffer.alloc(65_536);
      const more = (): void => {
        while (!response.destroyed && response.write(block));
      };
      response.on('drain', more);
      more();
    });
    await expect(sender()(`http://${OUTSIDE}:${port}/`)).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE' });
  });

  it('fails with the code of the system when nobody listens', async () => {
    port = await listen(OUTSIDE, () => undefined);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    const failed = await sender()(`http://${OUTSIDE}:${port}/secret-path`).catch((error) => error);
    expect(failed).toBeInstanceOf(OutboundFailedError);
    expect([failed.code, failed.message.includes('secret-path')]).toEqual(['ECONNREFUSED', false]);
  });

  it('over TLS goes to a receiver with the certificate of its name, and to no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'));
    const certificate = makeCertificate(folder, 'hooks', 'DNS:hooks.example.com');
    const server = createTlsServer(certificate, (request, response) => {
      reached.push(`${request.headers.host}${request.url}`);
      response.end();
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, OUTSIDE, resolve));
    ({ port } = server.address() as AddressInfo);
    const ca = certificate.cert.toString();
    const send = sender(new HostileNames([[OUTSIDE]]), ca);
    expect((await send(`https://hooks.example.com:${port}/in`)).status).toBe(200);
    const mistaken = send(`https://other.example.com:${port}/in`);
    await expect(mistaken).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    const untrusted = sender(new HostileNames([[OUTSIDE]]))(`https://hooks.example.com:${port}/in`);
    await expect(untrusted).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(reached).toEqual([`hooks.example.com:${port}/in`]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('reaches no inner server, by its address or by a name', async () => {
    const inner = await listen(INSIDE, (_request, response) => response.end());
    const send = sender(new HostileNames([[INSIDE]]));
    for (const url of [
      `http://${INSIDE}:${inner}/`,
      `http://2131230721:${inner}/`,
      `http://a.example.com:${inner}/`,
    ])
      await expect(send(url)).rejects.toThrow(OutboundRefusedError);
    expect(reached).toEqual([]);
  });
});
