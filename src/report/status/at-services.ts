import { withFullStop } from '../../errors.js';
import { describePendingAddress, type PendingAddress } from '../../traffic/pending-addresses.js';
import { describeStrangers, type Strangers } from '../../traffic/strangers.js';

/** What is to know about the Services of a release that serves users, one sentence each. */
export function atServices({
  strangers = [],
  pending = [],
}: {
  readonly strangers?: readonly Strangers[];
  readonly pending?: readonly PendingAddress[];
}): readonly string[] {
  return [...strangers.map(describeStrangers), ...pending.map(describePendingAddress)].map(withFullStop);
}
