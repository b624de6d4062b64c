// Writes what the manifests of the corpus become now as what is expected of them. Read the difference before you keep it.
import { writeFileSync } from 'node:fs';
import { corpusCases, outcomeOf } from './cases.js';

for (const one of corpusCases()) {
  writeFileSync(one.golden, `${JSON.stringify(await outcomeOf(one), undefined, 2)}\n`);
}
