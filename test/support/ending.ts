/**
 * What a test, or a file of tests, has opened, and how it is ended. The hooks stand in setup.ts, which runs for every
 * file; a hook in a module that several files import would run for the first of them alone.
 */

type Ending = () => unknown;

const ofTest: Ending[] = [];
const ofFile: Ending[] = [];

/** Runs after the test, whatever became of it. */
export function afterThisTest(end: Ending): void {
  ofTest.push(end);
}

/** Runs after the tests of this file. */
export function afterThisFile(end: Ending): void {
  ofFile.push(end);
}

export const endTest = (): Promise<void> => endAll(ofTest);
export const endFile = (): Promise<void> => endAll(ofFile);

/** The newest first: it may rest on what was opened before. */
async function endAll(endings: Ending[]): Promise<void> {
  for (const end of endings.splice(0).reverse()) await end();
}
