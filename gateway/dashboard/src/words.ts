/** What the forms call the fields of the API's bodies: an error names what a person sees on the screen. */

const WORDS: [RegExp, string][] = [
  [/^condition\b/, "Allowed addresses"],
  [/^expires_on$/, "Expires"],
  [/^policies\b.*\bresources\b/, "Gateways"],
  [/^policies\b/, "Permissions"],
  [/^(name|id)$/, "Name"],
  [/^slug$/, "Slug"],
  [/^base_url$/, "Base URL"],
  [/^headers$/, "Extra headers"],
  [/^provider_slug$/, "Provider"],
  [/^alias$/, "Alias"],
  [/^secret$/, "Key"],
  [/^token$/, "API token"],
  [/^authentication$/, "Authenticated Gateway"],
  [/^collect_logs$/, "Collect logs"],
  [/^collect_log_payloads$/, "Keep prompts and answers"],
  [/^byok_only$/, "Require provider credentials"],
  [/^log_management$/, "Most logs kept"],
  [/^log_management_strategy$/, "When full"],
];

/** The label of the field at this place; the API's own name where no form has it. */
export function labelOf(path: (string | number)[]): string {
  const field = path.slice(1).join(".");
  return WORDS.find(([pattern]) => pattern.test(field))?.[1] ?? field;
}
