import { describe, expect, it } from 'vitest';
import { withoutSecrets } from '../../server/core/masking.ts';

describe('what is shown of a text', () => {
  it.each([
    ['https://user:pw@host/x.git', 'https://***@host/x.git'],
    [
      "fatal: unable to access 'https://user:p%40w@host/x.git/': no",
      "fatal: unable to access 'https://***@host/x.git/': no",
    ],
    // Whoever forgot to escape a password has one all the same.
    ['https://user:p@s/s?w#o"r\'d@host/x.git', 'https://***@host/x.git'],
    ['https://ghp_token@host/x', 'https://***@host/x'],
    ['ssh://user:pw@host/x and https://a:b@c', 'ssh://***@host/x and https://***@c'],
    ['HTTPS://user:pw@HOST/', 'HTTPS://***@HOST/'],
    ['Authorization: Basic dXNlcjpwdw==', 'Authorization: Basic ***'],
    [`the token twn_${'a'.repeat(43)} is`, 'the token twn_*** is'],
    [`https://host/?token=twj_${'-'.repeat(43)}`, 'https://host/?token=twj_***'],
  ])('of %j leaves out what may be secret', (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown);
    expect(withoutSecrets(shown)).toBe(shown);
  });

  it.each([
    'https://git.example.com:8443/x.git',
    'ssh://git@host:2222/x.git',
    'git@github.com:owner/repository.git',
    'https://host/a/b@v2 and mail ada@example.org',
    'the token with the id 0123456789abcdef',
  ])('is all of it where nothing is secret: %j', (text) => {
    expect(withoutSecrets(text)).toBe(text);
  });

  it('has none of the secrets that are known, however often they stand in it', () => {
    expect(withoutSecrets('a sesame b sesame', ['sesame'])).toBe('a *** b ***');
  });
});
