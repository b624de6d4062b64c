/** The version of package.json, for the User-Agent; a test holds them together. */
export const version = '0.1.0';
