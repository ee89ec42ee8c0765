import type { AddressInfo } from 'node:net';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Config } from '../config/config.js';

/** Where people reach this installation; for links in mails. */
@Injectable()
export class PublicAddress {
  constructor(
    private readonly config: Config,
    private readonly adapter: HttpAdapterHost,
  ) {}

  /**
   * The address of a page of the console. A token goes into the fragment: browsers send that to no server,
   * so it stands in no access log and no Referer header.
   * @param path begins with a slash
   */
  page(path: string, token?: string): string {
    return `${this.base}${path}${token === undefined ? '' : `#token=${encodeURIComponent(token)}`}`;
  }

  private get base(): string {
    if (this.config.publicBaseUrl !== null) return this.config.publicBaseUrl;
    const server = this.adapter.httpAdapter.getHttpServer() as { address(): AddressInfo | null };
    // Behind PORT=0 the port is known once the server listens.
    const port = server.address()?.port ?? this.config.port;
    const host = this.config.host.includes(':') ? `[${this.config.host}]` : this.config.host;
    return `http://${host}:${port}`;
  }
}
