/** The whole: signed in or not, the frame with its navigation, and which page an address means. */

import { useEffect, useErrorBoundary, useMemo, useState } from "preact/hooks";
import { isAway, whenBack } from "./connection";
import { accountApi, accounts as accountList, session as sessionApi, whenSignedOut } from "./api";
import { AuditPage } from "./pages/AuditPage";
import { CustomProviders } from "./pages/CustomProviders";
import { GatewayPage } from "./pages/GatewayPage";
import { Gateways } from "./pages/Gateways";
import { SignIn } from "./pages/SignIn";
import { Tokens } from "./pages/Tokens";
import { Banner } from "./parts/Banner";
import { Button, Empty, Icon, valueOf, Waiting } from "./parts/basics";
import { Messages, type Message } from "./parts/Messages";
import { secretIsShown } from "./parts/ShownOnce";
import { fullMoment } from "./format";
import { go, href, Link, usePlace } from "./router";
import { AppContext, permits, useApp, type App } from "./state";
import { applyTheme, currentTheme } from "./theme";
import type { Account, Session } from "./types";

const ACCOUNT_KEY = "gateway-account";

export function Root() {
  const [session, setSession] = useState<Session | null | undefined>();
  const [ended, setEnded] = useState(false);
  useEffect(() => {
    // Only the gateway's own word signs somebody out: one that is away for a moment has said nothing.
    const look = () => sessionApi.get().then(known, (error: unknown) => !isAway(error) && known(null));
    const stop = whenBack(() => void look());
    const known = (found: Session | null) => {
      stop();
      setSession(found);
    };
    void look();
    whenSignedOut(() => {
      if (secretIsShown()) return;
      setEnded(true);
      setSession(null);
    });
    return stop;
  }, []);
  return (
    <>
      <Banner />
      <Opened session={session} ended={ended} onEnded={setEnded} onSession={setSession} />
    </>
  );
}

interface OpenedProps {
  session: Session | null | undefined;
  ended: boolean;
  onEnded: (ended: boolean) => void;
  onSession: (session: Session | null) => void;
}

function Opened({ session, ended, onEnded, onSession }: OpenedProps) {
  if (session === undefined) return <Waiting />;
  if (session === null) {
    const enter = (opened: Session) => {
      onEnded(false);
      onSession(opened);
    };
    return <SignIn ended={ended} onSignedIn={enter} />;
  }
  return <SignedIn session={session} onSignedOut={() => onSession(null)} />;
}

function SignedIn({ session, onSignedOut }: { session: Session; onSignedOut: () => void }) {
  const [list, setList] = useState<Account[] | null>(null);
  const [account, setAccount] = useState(localStorage.getItem(ACCOUNT_KEY) ?? session.account_id);
  const [message, setMessage] = useState<Message | null>(null);
  useEffect(() => {
    const load = () => accountList.list().then(known, (error: unknown) => !isAway(error) && known([]));
    const stop = whenBack(() => void load());
    const known = (found: Account[]) => {
      stop();
      setList(found);
    };
    void load();
    return stop;
  }, [session]);
  useEffect(() => {
    if (!message) return;
    const timer = setTimeout(() => setMessage(null), 6000);
    return () => clearTimeout(timer);
  }, [message]);
  const known = list?.some((one) => one.id === account) ? account : (list?.[0]?.id ?? session.account_id);
  const app = useMemo<App>(
    () => ({
      api: accountApi(known),
      session,
      accounts: list ?? [],
      may: (permission, gateway) => permits(session, known, permission, gateway),
      say: (text, kind = "done") => setMessage({ text, kind }),
    }),
    [known, session, list],
  );
  if (list === null) return <Waiting />;
  const choose = (id: string) => {
    localStorage.setItem(ACCOUNT_KEY, id);
    setAccount(id);
    go(href());
  };
  return (
    <AppContext.Provider value={app}>
      <a class="skip" href="#content">
        Skip to content
      </a>
      <div class="frame">
        <Navigation account={known} onAccount={choose} onSignedOut={onSignedOut} />
        <main id="content" tabIndex={-1} key={known}>
          {session.token.first && (
            <p class="caution">
              You are signed in with the first token. It ends {session.token.expires_on && `${fullMoment(session.token.expires_on)}, or `}
              when you make a token with all permissions, which you then sign in with.
            </p>
          )}
          <Guarded />
        </main>
      </div>
      <Messages message={message} />
    </AppContext.Provider>
  );
}

/** A page that fails says so, and leaves the way to the others open. */
function Guarded() {
  const { parts } = usePlace();
  const [error, again] = useErrorBoundary();
  const path = parts.join("/");
  useEffect(() => {
    document.title = titleOf(parts);
    if (error) again();
  }, [path]);
  if (error) {
    return (
      <Empty title="This page has failed">
        <Button onClick={again}>Try again</Button>
      </Empty>
    );
  }
  return <Page />;
}

const TITLES: Record<string, string> = {
  tokens: "Tokens",
  audit: "Audit log",
  "custom-providers": "Custom providers",
  logs: "Logs",
  analytics: "Analytics",
  keys: "Provider keys",
  settings: "Settings",
};

function titleOf([first, name, tab, detail]: string[]): string {
  const place = first === "gateways" && name ? [detail && "Request", (tab && TITLES[tab]) || "Start", name] : [first ? TITLES[first] : "Gateways"];
  return [...place, "Authenticated Gateway"].filter(Boolean).join(" · ");
}

function Page() {
  const { parts } = usePlace();
  const [first, second, ...rest] = parts;
  if (first === undefined) return <Gateways />;
  if (first === "tokens" && second === undefined) return <Tokens />;
  if (first === "audit" && second === undefined) return <AuditPage />;
  if (first === "custom-providers" && second === undefined) return <CustomProviders />;
  if (first === "gateways" && second !== undefined) return <GatewayPage key={second} name={second} rest={rest} />;
  return (
    <Empty title="There is no such page">
      <Link to={href()}>All gateways</Link>
    </Empty>
  );
}

interface NavigationProps {
  account: string;
  onAccount: (id: string) => void;
  onSignedOut: () => void;
}

function Navigation({ account, onAccount, onSignedOut }: NavigationProps) {
  const { parts } = usePlace();
  const { session, accounts, may } = useApp();
  const at = parts[0] ?? "gateways";
  const leave = async () => {
    await sessionApi.close().catch(() => {});
    onSignedOut();
  };
  return (
    <header class="navigation">
      <Link to={href()} class="brand" label="Authenticated Gateway, all gateways">
        <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M16 6l8 3v6c0 5.2-3.3 9.1-8 11-4.7-1.9-8-5.8-8-11V9zM11.5 16h9m-3.4-3.4 3.4 3.4-3.4 3.4" />
        </svg>
        <span>Authenticated Gateway</span>
      </Link>
      {accounts.length > 1 && (
        <select class="account" aria-label="Account" value={account} onChange={(event) => onAccount(valueOf(event))}>
          {accounts.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      )}
      <nav aria-label="Main">
        <Link to={href()} current={at === "gateways"}>
          <Icon name="gateway" />
          Gateways
        </Link>
        <Link to={href("tokens")} current={at === "tokens"}>
          <Icon name="token" />
          Tokens
        </Link>
        <Link to={href("custom-providers")} current={at === "custom-providers"}>
          <Icon name="plug" />
          Custom providers
        </Link>
        {may("Account Audit Logs Read") && (
          <Link to={href("audit")} current={at === "audit"}>
            <Icon name="filter" />
            Audit log
          </Link>
        )}
      </nav>
      <div class="person">
        <span class="who" title="The token you signed in with">
          {session.token.name}
        </span>
        <ThemeButton />
        <Button kind="quiet" onClick={leave} aria-label="Sign out" title="Sign out">
          <Icon name="out" />
        </Button>
      </div>
    </header>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState(currentTheme);
  const other = theme === "dark" ? "light" : "dark";
  const flip = () => {
    applyTheme(other, true);
    setTheme(other);
  };
  return (
    <Button kind="quiet" onClick={flip} aria-label={`Switch to ${other} theme`} title={`Switch to ${other} theme`}>
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </Button>
  );
}
