import { decodableUrl, MAX_HEAD_BYTES } from './decodable-url.js';

describe('a target that the router can read', () => {
  it.each([
    ['/v1/clients?q=%zz', '/v1/clients?q=%zz'],
    ['/%C3%A9/%25', '/%C3%A9/%25'],
    ['*', '*'],
    ['/%zz', '/\uFFFDzz'],
    ['/%2eenv/%zz?a=%zz', '/%2eenv/\uFFFDzz?a=%zz'],
    ['/a%', '/a\uFFFD'],
    ['/a%f', '/a\uFFFDf'],
    ['/%c3%28', '/\uFFFD%28'],
    ['/%ED%A0%80', '/\uFFFD\uFFFD\uFFFD'],
    ['http://a.example/v1/clients?x=1', '/v1/clients?x=1'],
    ['HTTPS://a.example:99999/.env', '/.env'],
    ['http://%zz/', '/'],
    ['http://[::1/healthz', '/healthz'],
    ['http://a.example', '/'],
    ['http://a.example?x=1', '/?x=1'],
    ['http:///v1', '/v1'],
  ])('is made of %s', (url, target) => {
    expect(decodableUrl({ url })).toBe(target);
    expect(() => decodeURIComponent(target.replace(/[?#].*/, ''))).not.toThrow();
  });

  it.each(['%', '%zz', '%ff', '%25', '%c3'])('is never longer than what came: %s', (part) => {
    const url = `/${part.repeat(MAX_HEAD_BYTES / part.length)}`;
    expect(decodableUrl({ url }).length).toBeLessThanOrEqual(url.length);
  });
});
