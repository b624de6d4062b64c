import { checkTimes } from '../../inputs/checks/check.js';
import { isRegularExpression } from '../../inputs/checks/expectations.js';
import type { HttpCheck } from '../../inputs/checks/http.js';
import { longestMs } from '../../inputs/parse/durations.js';
import type { OtherCheck, RecordedCheck } from '../recorded-revision.js';
import { checked, integer, list, mapOf, oneOf, shape, text, variant, WrongField, type Guard } from './guard.js';

const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
type Status = HttpCheck['expect']['status'][number];

const status: Guard<Status> = (value, path) => {
  const found = statusClasses.find(each => each === value);
  if (found !== undefined) return found;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 599) return value;
  throw new WrongField(path, 'a status code or a class of them');
};

const statuses = checked(list(status), ({ length }) => length > 0, { expected: 'a list that is not empty' });
const notEmpty = text(/[^]/, 'a text that is not empty');
const pattern = checked(text(), isRegularExpression, { expected: 'a regular expression' });

/** Milliseconds, at most as many as an input accepts. */
const duration = (least: number): Guard<number> =>
  checked(integer(least), ms => ms <= longestMs, { expected: `at most ${longestMs}` });

const http: Guard<HttpCheck> = shape({
  kind: oneOf('http'),
  target: text(/^\/\S{0,8191}$/, 'a path'),
  method: oneOf('GET', 'HEAD'),
  expect: shape(
    { status: statuses },
    {
      contains: notEmpty,
      matches: pattern,
      json: shape({ path: notEmpty, equals: (value: unknown) => value }),
      header: mapOf(text()),
    },
  ),
  pods: oneOf('every', 'any'),
  when: oneOf(...checkTimes),
  retryMs: duration(0),
  intervalMs: duration(100),
});

const other: Guard<OtherCheck> = shape({
  kind: oneOf('other'),
  name: text(),
  when: oneOf(...checkTimes),
});

/** A check of a revision. */
export const recordedCheck: Guard<RecordedCheck> = variant('kind', { http, other });
