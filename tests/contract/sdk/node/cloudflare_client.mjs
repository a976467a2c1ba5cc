import Cloudflare from "cloudflare";
import { answer, failure, given } from "./given.mjs";

const client = new Cloudflare({ apiToken: given.token, baseURL: `${given.origin}/client/v4`, maxRetries: 0 });
const account_id = given.account;

const required = {
  cache_invalidate_on_update: false,
  cache_ttl: 0,
  collect_logs: true,
  rate_limiting_interval: 0,
  rate_limiting_limit: 0,
  rate_limiting_technique: "fixed",
};

async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}

const work = {
  async gateways() {
    const { id } = await client.aiGateway.create({ account_id, id: given.gateway, authentication: true, ...required });
    const listed = (await all(client.aiGateway.list({ account_id, search: id }))).map((gateway) => gateway.id);
    const updated = await client.aiGateway.update(id, { account_id, ...required, authentication: false });
    const read = await client.aiGateway.get(id, { account_id });
    const url = await client.aiGateway.urls.get("openai", { account_id, gateway_id: id });
    await client.aiGateway.delete(id, { account_id });
    const gone = await failure(() => client.aiGateway.get(id, { account_id }));
    return { id, listed, updated: updated.authentication, read: read.authentication, url, gone: gone.status };
  },
  async tokens() {
    const groups = await all(client.accounts.tokens.permissionGroups.list({ account_id, name: "AI Gateway Run" }));
    const policies = [
      { effect: "allow", permission_groups: [{ id: groups[0].id }], resources: { [`com.cloudflare.api.account.${account_id}`]: "*" } },
    ];
    const made = await client.accounts.tokens.create({ account_id, name: "from node", policies });
    const own = new Cloudflare({ apiToken: made.value, baseURL: `${given.origin}/client/v4`, maxRetries: 0 });
    const verified = await own.accounts.tokens.verify({ account_id });
    const rolled = await client.accounts.tokens.value.update(made.id, { account_id, body: {} });
    const stale = await failure(() => own.accounts.tokens.verify({ account_id }));
    await client.accounts.tokens.delete(made.id, { account_id });
    return { name: made.name, value: made.value, status: verified.status, rolled, stale: stale.status };
  },
  async logs() {
    const { logs } = client.aiGateway;
    const where = { account_id, gateway_id: given.gateway };
    const list = async (query) => (await all(logs.list(given.gateway, { account_id, ...query }))).map((entry) => entry.id);
    const filters = [
      { key: "provider", operator: "eq", value: ["openai"] },
      { key: "tokens_in", operator: "gt", value: [0] },
    ];
    const found = await list({ filters, per_page: 1 });
    const missed = await list({ filters: [filters[0], { key: "success", operator: "eq", value: [false] }] });
    await logs.edit(given.log, { ...where, feedback: -1, metadata: { by: "ann" } });
    const disliked = await list({ filters: [{ key: "feedback", operator: "lt", value: [0] }] });
    const read = await logs.get(given.log, where);
    const { success } = await logs.delete(given.gateway, { account_id, filters, limit: 5 });
    const left = await list({});
    return { found, missed, disliked, metadata: read.metadata, success, left };
  },
  refused: () => failure(() => client.aiGateway.get("any", { account_id })),
};

answer(await work[given.operation]());
