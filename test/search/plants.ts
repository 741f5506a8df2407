export const PLANTED_TOKEN = `twa_${'aB3-_xYz90'.repeat(4)}end`;
export const PLANTED_KEY = '-----BEGIN EC PRIVATE KEY-----';
