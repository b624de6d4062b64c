import type { ImageTag } from './image-tag.js';
import type { Program } from '../pods/process.js';

const SECONDS = 0.5;

/** A program that exits by itself: with 0, or with 1 for the tag `fail`. */
export function taskProgram({ version }: ImageTag): Program {
  return process => {
    const fails = version === 'fail';
    process.log(`task ${version} starts`);
    process.after(SECONDS, () => {
      process.log(fails ? 'task fail: the work could not be done' : `task ${version} is done`);
      process.exit(fails ? 1 : 0);
    });
    return Promise.resolve();
  };
}
