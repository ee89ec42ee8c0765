import { createHash } from 'node:crypto';
import type { MultipartFile } from '@fastify/multipart';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Observable, finalize } from 'rxjs';
import { newId } from '../../platform/crypto/new-id.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError, invalidField } from '../../platform/http/api-error.js';
import { ImportStore } from './import-store.js';
import { ReceivedUpload } from './received-upload.js';

const CHUNK_BYTES = 512 * 1024;

/**
 * Takes the file in before anything else happens to the request: an `Idempotency-Key` is compared with what was sent,
 * a claim on it is held for no longer than the writing, and a unit of work that starts again finds the file where it was.
 */
@Injectable()
export class ReceiveUpload implements NestInterceptor {
  constructor(private readonly store: ImportStore) {}

  /** @throws ApiError 415 for anything but a form, 413 above 50 MB, 400 */
  async intercept(execution: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const upload = await this.receive(request.context, request);
    request.body = upload;
    return next.handle().pipe(
      finalize(() => {
        // What stays behind when this fails is deleted with the files that are too old.
        if (!upload.kept) this.discard(request.context, upload.id).catch(() => undefined);
      }),
    );
  }

  private async receive(context: RequestContext, request: FastifyRequest): Promise<ReceivedUpload> {
    if (!request.isMultipart())
      throw new ApiError('UNSUPPORTED_MEDIA_TYPE', 'Send multipart/form-data with a CSV file.');
    const id = newId();
    const { key, wrapped } = this.store.newKey(context.principal.teamId, id);
    const fields: Record<string, string> = {};
    let sha256: string | null = null;
    try {
      for await (const part of request.parts()) {
        if (part.type !== 'file') fields[part.fieldname] = String(part.value);
        else if (sha256 !== null) throw invalidField('file', 'is one file');
        else sha256 = await this.keep(context, id, key, part);
      }
      if (sha256 === null) throw invalidField('file', 'is a CSV file that is not empty');
      return new ReceivedUpload(id, wrapped, fields, sha256);
    } catch (error) {
      await this.discard(context, id);
      throw error;
    }
  }

  /** Seals the file chunk by chunk as it arrives. Null for an empty one. */
  private async keep(
    context: RequestContext,
    id: string,
    key: ReturnType<ImportStore['keyOf']>,
    part: MultipartFile,
  ): Promise<string | null> {
    const { teamId, userId } = context.principal;
    const hash = createHash('sha256');
    let waiting: Buffer[] = [];
    let [waitingBytes, seq] = [0, 0];
    const write = async (): Promise<void> => {
      const text = Buffer.concat(waiting).toString('base64');
      await this.store.write({ teamId, userId }, this.store.chunk(teamId, id, key, 'file', seq++, text));
      [waiting, waitingBytes] = [[], 0];
    };
    for await (const data of part.file as AsyncIterable<Buffer>) {
      hash.update(data);
      waiting.push(data);
      waitingBytes += data.length;
      if (waitingBytes >= CHUNK_BYTES) await write();
    }
    if (waitingBytes > 0) await write();
    if (part.file.truncated) throw new ApiError('PAYLOAD_TOO_LARGE', 'The file is larger than 50 MB.');
    return seq === 0 ? null : hash.digest('hex');
  }

  private async discard({ principal }: RequestContext, id: string): Promise<void> {
    const { teamId, userId } = principal;
    await this.store.write({ teamId, userId }, this.store.discard(teamId, id));
  }
}
