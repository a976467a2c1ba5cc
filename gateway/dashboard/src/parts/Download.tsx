/** The log as a file, one JSON object a line, newest first; what it could not hold it says. */

import { useEffect, useRef, useState } from "preact/hooks";
import { queryOf, type Filters } from "../filters";
import { exactly } from "../format";
import { messageOf, useApp } from "../state";
import { Button, Icon } from "./basics";
import { Dialog } from "./Dialog";

const PER_PAGE = 50;
const MOST = 50_000;

interface DownloadProps {
  gateway: string;
  filters: Filters;
  /** Asked for the requests before this moment, which did not fit. */
  onOlder: (before: string) => void;
}

export function Download({ gateway, filters, onOlder }: DownloadProps) {
  const { api, say } = useApp();
  const [done, setDone] = useState<number | null>(null);
  const [rest, setRest] = useState("");
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const run = async () => {
    const control = (stop.current = new AbortController());
    setDone(0);
    try {
      const lines: string[] = [];
      let oldest = "";
      // Up to the moment of the click: rows that come meanwhile must not shift the pages.
      const upTo = { ...filters, before: filters.before ?? new Date().toISOString() };
      for (let page = 1; ; page++) {
        const { items, total } = await api
          .logs(gateway)
          .list({ ...queryOf(upTo), page, per_page: PER_PAGE }, false, control.signal);
        lines.push(...items.map((log) => JSON.stringify(log)));
        oldest = items.at(-1)?.created_at ?? oldest;
        setDone(lines.length);
        if (!items.length || lines.length >= total) break;
        if (lines.length >= MOST) {
          // The next file begins within the same millisecond: a row twice is better than none.
          setRest(new Date(Date.parse(oldest) + 1).toISOString());
          break;
        }
      }
      save(`${gateway}-logs.jsonl`, `${lines.join("\n")}\n`);
    } catch (error) {
      if (!control.signal.aborted) say(messageOf(error), "failed");
    } finally {
      setDone(null);
    }
  };
  return (
    <>
      <Button onClick={done === null ? run : () => stop.current?.abort()}>
        <Icon name="download" />
        {done === null ? "JSONL" : `${exactly(done)}… stop`}
      </Button>
      {rest && (
        <Dialog title="The file does not hold everything" onClose={() => setRest("")}>
          <p>
            It holds the newest {exactly(MOST)} requests. There are older ones: show them, and download again for the next file.
          </p>
          <footer>
            <Button onClick={() => setRest("")}>Close</Button>
            <Button
              kind="main"
              onClick={() => {
                setRest("");
                onOlder(rest);
              }}
            >
              Show the older ones
            </Button>
          </footer>
        </Dialog>
      )}
    </>
  );
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/jsonl" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
