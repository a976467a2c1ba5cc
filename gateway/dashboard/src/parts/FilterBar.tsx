/** Filters of the log: what is set stands as chips, the rest is a form away. */

import { useState } from "preact/hooks";
import { asLocal, asUtc, FILTERS, told, type FilterField, type Filters } from "../filters";
import { Button, Field, Icon, valueOf } from "./basics";

interface FilterBarProps {
  filters: Filters;
  onChange: (filters: Filters) => void;
}

export function FilterBar({ filters, onChange }: FilterBarProps) {
  const [open, setOpen] = useState(false);
  const [draft, setDraft] = useState<Filters>(filters);
  const show = () => {
    setDraft(filters);
    setOpen(!open);
  };
  const apply = (event: Event) => {
    event.preventDefault();
    onChange(Object.fromEntries(Object.entries(draft).filter(([, value]) => value.trim() !== "")));
    setOpen(false);
  };
  const without = (name: string) => onChange(Object.fromEntries(Object.entries(filters).filter(([one]) => one !== name)));
  return (
    <div class={open ? "filters open" : "filters"}>
      <div class="chips">
        <Button aria-expanded={open} onClick={show}>
          <Icon name="filter" />
          Filter
        </Button>
        {Object.entries(filters).map(([name, value]) => (
          <button key={name} type="button" class="chip" aria-label={`Remove filter ${told(name, value)}`} onClick={() => without(name)}>
            {told(name, value)}
            <Icon name="close" />
          </button>
        ))}
        {Object.keys(filters).length > 1 && (
          <Button kind="quiet" onClick={() => onChange({})}>
            Clear all
          </Button>
        )}
      </div>
      {open && (
        <form class="card filter-form" onSubmit={apply} aria-label="Filters">
          <div class="filter-fields">
            {Object.entries(FILTERS).map(([name, field]) => (
              <Field key={name} label={field.label}>
                {(control) => (
                  <Control
                    {...control}
                    field={field}
                    value={draft[name] ?? ""}
                    onChange={(value) => setDraft((old) => ({ ...old, [name]: value }))}
                  />
                )}
              </Field>
            ))}
          </div>
          <footer>
            <Button onClick={() => setDraft({})}>Clear</Button>
            <Button type="submit" kind="main">
              Apply
            </Button>
          </footer>
        </form>
      )}
    </div>
  );
}

interface ControlProps {
  id: string;
  field: FilterField;
  value: string;
  onChange: (value: string) => void;
}

function Control({ id, field, value, onChange }: ControlProps) {
  const changed = (event: Event) => onChange(valueOf(event));
  if (field.choices) {
    return (
      <select id={id} value={value} onChange={changed}>
        <option value="">Any</option>
        {field.choices.map(([one, label]) => (
          <option key={one} value={one}>
            {label}
          </option>
        ))}
      </select>
    );
  }
  const common = { id, value, onInput: changed, autocomplete: "off" } as const;
  if (field.kind === "number") return <input {...common} type="number" min="0" step="any" />;
  if (field.kind === "moment") {
    return <input {...common} type="datetime-local" step="1" value={asLocal(value)} onInput={(event) => onChange(asUtc(valueOf(event)))} />;
  }
  return <input {...common} type="text" spellcheck={false} />;
}
