// What several views show.

import type { ComponentChildren } from "preact";
import { app } from "../app.js";
import { clean } from "../format.js";
import type { Case, Vehicle } from "../model.js";

/** Text from outside: a text node with nothing hidden in it, whose direction ends where it ends. */
export function Text({ of }: { of: string | null | undefined }) {
  return <bdi>{clean(of ?? "")}</bdi>;
}

/** Colours of paint that fleets write, and how they are drawn. */
const PAINTS: Record<string, string> = {
  white: "#f2f2ee", 白: "#f2f2ee", silver: "#b9c0c7", 银: "#b9c0c7", grey: "#7d858c", gray: "#7d858c", 灰: "#7d858c",
  black: "#1d1f22", 黑: "#1d1f22", red: "#c8282f", 红: "#c8282f", blue: "#2a62c4", 蓝: "#2a62c4", green: "#2e8b4f", 绿: "#2e8b4f",
  yellow: "#f0c419", 黄: "#f0c419", orange: "#ee7d1a", 橙: "#ee7d1a", brown: "#7a5236", 棕: "#7a5236", teal: "#1f8f8a",
  purple: "#6f42a8", 紫: "#6f42a8", gold: "#c7a252", 金: "#c7a252", beige: "#d9ccb0",
};

/** The colours that a description names, in its order, two at the most. */
function paints(colour: string): string[] {
  const text = colour.toLowerCase();
  const found = Object.keys(PAINTS).map((name) => ({ name, at: text.indexOf(name) }));
  const named = found.filter(({ at }) => at >= 0).sort((one, other) => one.at - other.at);
  return [...new Set(named.map(({ name }) => PAINTS[name]!))].slice(0, 2);
}

export function Plate({ vehicle, large = false }: { vehicle: Vehicle; large?: boolean }) {
  return <span class={large ? "plate large" : "plate"} data-colour={vehicle.plate_colour}><Text of={vehicle.plate ?? vehicle.id} /></span>;
}

export function Looks({ vehicle }: { vehicle: Vehicle }) {
  const [first, second] = paints(vehicle.colour ?? "");
  return (
    <span class="looks">
      {first && (
        <svg class="paint" viewBox="0 0 12 12" aria-hidden="true">
          <path d="M0 0h12v12H0z" fill={first} />
          {second && <path d="M12 0v12H0z" fill={second} />}
        </svg>
      )}
      <Text of={[vehicle.colour, vehicle.make].filter(Boolean).join(" ")} />
      <span class="dim">{app.words.class[vehicle.class] ?? <Text of={vehicle.class} />}</span>
    </span>
  );
}

export function Reason({ flag }: { flag: Case }) {
  const { words } = app;
  return (
    <span class="reason">
      {flag.drill && <b class="tag drill">{words.drill}</b>}
      {flag.action === "observe" && <b class="tag observe">{words.observe}</b>}
      <span class={`priority p${flag.priority}`}>{`P${flag.priority}`}</span>
      <Text of={app.reasonName(flag.reason) ?? flag.reason} />
    </span>
  );
}

export function Button(props: { act: () => void; kind?: string; title?: string; disabled?: boolean; pressed?: boolean; children: ComponentChildren }) {
  return (
    <button
      type="button"
      class={props.kind ?? ""}
      title={props.title}
      disabled={props.disabled}
      aria-pressed={props.pressed}
      onClick={(event) => {
        event.stopPropagation();
        props.act();
      }}
    >
      {props.children}
    </button>
  );
}

/** Puts the cursor into a control once, when it comes. */
export function focus(input: HTMLElement | null): void {
  if (input && !input.dataset["focused"]) {
    input.dataset["focused"] = "yes";
    input.focus();
  }
}
