/** The version in package.json, for the User-Agent; a test compares them. */
export const version = '0.1.0';
