/** Deletes the logs that were counted when the question was put, and none that came later. */

import { queryOf, type Filters } from "../filters";
import { exactly, fullMoment, howMany, isExact } from "../format";
import { useApp, useLoaded } from "../state";
import { Failure, Waiting } from "./basics";
import { Confirm } from "./Dialog";

interface DeleteLogsProps {
  gateway: string;
  filters: Filters;
  onClose: () => void;
  onDone: () => Promise<void>;
}

export function DeleteLogs({ gateway, filters, onClose, onDone }: DeleteLogsProps) {
  const { api } = useApp();
  const filtered = Object.keys(filters).length > 0;
  const seen = useLoaded(() => api.logs(gateway).list({ ...queryOf(filters), page: 1, per_page: 1 }), []);
  const newest = seen.value?.items[0];
  const total = seen.value?.total ?? 0;
  const exact = isExact(total, filtered);
  const remove = async () => {
    if (!newest) return;
    // A request that began earlier and ends later has its row later: the oldest ones, and not more than were counted.
    const counted = filtered && exact ? { limit: total, order_by_direction: "asc" } : {};
    await api.logs(gateway).remove({ ...queryOf(filters), end_date: newest.created_at, ...counted });
    await onDone();
  };
  return (
    <Confirm title="Delete logs" action="Delete" danger typed={gateway} disabled={!newest} work={remove} onClose={onClose}>
      <Failure error={seen.error} />
      {!seen.value && !seen.error && <Waiting />}
      {seen.value && !newest && <p>There is nothing to delete.</p>}
      {newest && (
        <p>
          {filtered ? (
            <>
              <strong>{capital(howMany(total, "log", filtered))}</strong> that {total === 1 ? "matches" : "match"} the filter
            </>
          ) : (
            <strong>{total === 1 ? "The only log of this gateway" : `All ${exactly(total)} logs of this gateway`}</strong>
          )}
          {total === 1 ? ", of " : ", up to the newest of "}
          {fullMoment(newest.created_at)}, {total === 1 ? "is" : "are"} deleted for good. What comes in later stays.
        </p>
      )}
    </Confirm>
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
