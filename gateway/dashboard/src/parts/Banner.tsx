/** Said while the gateway does not answer: what is on the page may be old. It goes by itself. */

import { useEffect, useState } from "preact/hooks";
import { session } from "../api";
import { useConnection } from "../connection";
import { clockTime } from "../format";
import { useEvery } from "../state";

const AGAIN_S = 2;
const WORDS = {
  unreachable: "The gateway cannot be reached",
  unavailable: "The gateway answers, but its control process or store is not available",
};

export function Banner() {
  const connection = useConnection();
  const [since, setSince] = useState<Date | null>(null);
  const lost = connection !== "good";
  useEffect(() => setSince(lost ? new Date() : null), [lost]);
  useEvery(AGAIN_S, lost, () => session.get(true));
  if (!lost) return null;
  return (
    <p class="banner" role="alert">
      {WORDS[connection]}
      {since && ` since ${clockTime(since)}`}: what you see may be out of date. Trying again…
    </p>
  );
}
