"""Commands that change settings. Each one takes its turn, judges what is there now, writes it with its entry of the audit log
in one transaction, and gives it to every edge. Handlers of the API have no other way to change any."""
