import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** Path of the certificate, which is its own authority. */
  readonly file: string;
}

/** A self-signed certificate, made in `folder`. @param name such as `IP:127.0.0.1` or `DNS:hooks.example.com` */
export function makeCertificate(folder: string, label: string, name: string): Certificate {
  const [key, file] = [join(folder, `${label}.key`), join(folder, `${label}.pem`)];
  const subject = ['-subj', `/CN=${label}`, '-addext', `subjectAltName=${name}`, '-days', '2'];
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', file, ...subject];
  execFileSync('openssl', args, { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(file), file };
}
