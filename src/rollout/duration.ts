/** A duration for people: `10 min`, `1 min 30 s`, `0.5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 60_000) return `${ms / 1000} s`;
  const seconds = Math.round(ms / 1000);
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? '' : ` ${rest} s`}`;
}
