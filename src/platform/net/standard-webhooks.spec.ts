import { webhookHeaders } from './standard-webhooks.js';

describe('the headers of a Standard Webhooks delivery', () => {
  // The example that the specification's reference libraries share.
  const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'; // secret-scan:allow the published test vector
  const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
  const AT_MS = 1_614_265_330_000;
  const BODY = Buffer.from('{"test": 2432232314}');

  it('are those of the published example', () => {
    expect(webhookHeaders([SECRET], ID, AT_MS, BODY)).toEqual({
      'webhook-id': ID,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('have a signature of each secret while they are rotated', () => {
    const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const [one, two, ...more] = webhookHeaders([other, SECRET], ID, AT_MS, BODY)['webhook-signature'].split(
      ' ',
    );
    expect(two).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
    expect([one.startsWith('v1,'), one === two, more]).toEqual([true, false, []]);
  });
});
