import type { Schema } from './open-api.js';
import { ERROR_STATUS } from '../http/api-error.js';

const CODE = { type: 'string', enum: Object.keys(ERROR_STATUS), description: 'Stable; meant for programs.' };
const DETAILS = {
  type: 'array',
  items: {
    type: 'object',
    required: ['field', 'message'],
    properties: { field: { type: 'string' }, message: { type: 'string' } },
  },
};
const REQUEST_ID = { type: 'string', description: 'Also in `X-Request-Id`; quote it when you ask about it.' };

/** Schemas, headers and parameters that every operation shares. */
export const COMPONENTS: { schemas: Record<string, Schema>; headers: object; parameters: object } = {
  schemas: {
    Error: {
      type: 'object',
      required: ['success', 'error'],
      properties: {
        success: { const: false },
        error: {
          type: 'object',
          required: ['code', 'message', 'requestId'],
          properties: {
            code: CODE,
            message: { type: 'string', description: 'Meant for people; may change.' },
            details: { ...DETAILS, description: 'What is wrong with which field.' },
            requestId: REQUEST_ID,
          },
        },
      },
    },
    Problem: {
      description: 'The same facts as RFC 9457, for `Accept: application/problem+json`.',
      type: 'object',
      required: ['type', 'title', 'status', 'code', 'instance', 'requestId'],
      properties: {
        type: { type: 'string' },
        title: { type: 'string' },
        status: { type: 'integer' },
        code: CODE,
        errors: DETAILS,
        instance: { type: 'string' },
        requestId: REQUEST_ID,
      },
    },
    PageMeta: {
      type: 'object',
      required: ['nextCursor', 'limit'],
      properties: {
        nextCursor: {
          type: ['string', 'null'],
          description: 'For `?cursor=` of the next page; null on the last.',
        },
        limit: { type: 'integer', minimum: 1, maximum: 100 },
      },
    },
  },
  headers: {
    'X-Request-Id': {
      description:
        'Names this request in logs and audit rows; one you send (1-64 of `A-Za-z0-9._-`) is kept.',
      schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' },
    },
    'RateLimit-Limit': { description: 'Requests of the window.', schema: { type: 'integer' } },
    'RateLimit-Remaining': { description: 'Requests left in the window.', schema: { type: 'integer' } },
    'RateLimit-Reset': { description: 'Seconds until the window ends.', schema: { type: 'integer' } },
    'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } },
    ETag: { description: 'The version of the record, for `If-Match`.', schema: { type: 'string' } },
    'Idempotency-Replayed': {
      description: '`true` when this is the stored answer of an earlier request.',
      schema: { const: 'true' },
    },
  },
  parameters: {
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description:
        'Repeating the request with the same key and body gives the first answer again, for 24 h. Who has lost a scope since gets 409 `CONFLICT` instead; a request that broke off after a part of its work is finished by its repetition.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    },
    IfMatch: {
      name: 'If-Match',
      in: 'header',
      required: false,
      description: '`ETag` of the record as you know it; 412 when it has changed since.',
      schema: { type: 'string' },
    },
  },
};
