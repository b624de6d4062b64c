/**
 * Folder with action.yml and a fresh bundle of `src/`, which jest's global setup builds (scripts/test-bundle.js). `short lease`:
 * the same sources with a lock that expires within seconds.
 */
export function actionUnderTest(bundle: 'as released' | 'short lease' = 'as released'): string {
  const { CUTOVER_TEST_ACTION, CUTOVER_TEST_ACTION_SHORT_LEASE } = process.env;
  const folder = bundle === 'short lease' ? CUTOVER_TEST_ACTION_SHORT_LEASE : CUTOVER_TEST_ACTION;
  if (folder === undefined) throw new Error('no bundle was built for the tests: run them with npm test');
  return folder;
}
