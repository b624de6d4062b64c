/** Folder with action.yml and a fresh bundle of `src/`, which jest's global setup builds (scripts/test-bundle.js). */
export function actionUnderTest(): string {
  const { CUTOVER_TEST_ACTION } = process.env;
  if (CUTOVER_TEST_ACTION === undefined) throw new Error('no bundle was built for the tests: run them with npm test');
  return CUTOVER_TEST_ACTION;
}
