/** Asks the provider of a stored key, through a worker, whether it accepts the key. */

import { useState } from "preact/hooks";
import { useApp, useWork } from "../state";
import type { KeyTest, ProviderKey } from "../types";
import { Badge, Button, Failure } from "./basics";

interface TestKeyProps {
  gateway: string;
  of: ProviderKey;
  onTested?: (test: KeyTest) => void;
}

export function TestKey({ gateway, of, onTested }: TestKeyProps) {
  const { api } = useApp();
  const { busy, failure, run } = useWork();
  const [test, setTest] = useState<KeyTest | null>(null);
  const ask = () =>
    run(async () => {
      setTest(null);
      const found = await api.keys(gateway).test(of.id);
      setTest(found);
      onTested?.(found);
    });
  return (
    <>
      <Button onClick={() => void ask()} disabled={busy} aria-label={`Test key ${of.alias} of ${of.provider_slug}`}>
        {busy ? "Testing…" : "Test key"}
      </Button>
      <span role="status">
        {test && (
          <>
            <Badge kind={badgeOf(test)}>{test.verdict}</Badge> {test.message}
            {test.status !== null && ` (${test.status})`}
          </>
        )}
      </span>
      <Failure error={failure} />
    </>
  );
}

/** Whether a test shows that requests with this key will fail. */
export function failed(test: KeyTest): boolean {
  return ["refused", "unreachable", "absent"].includes(test.verdict);
}

function badgeOf(test: KeyTest) {
  return test.verdict === "accepted" ? "good" : failed(test) ? "bad" : "neutral";
}
