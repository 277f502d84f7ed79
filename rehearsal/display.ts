/** Shows what the engine does, one line for each resource as it is done, with the time it took. */
import type { EngineEvent, OpType, StepEventMetadata } from "@pulumi/pulumi/automation";

/** Takes a line of text. */
export type Print = (line: string) => void;

const SIGNS: Partial<Record<OpType, string>> = {
  create: "+",
  update: "~",
  delete: "-",
  replace: "+-",
  "create-replacement": "+",
  "delete-replaced": "-",
  read: ">",
  import: "=",
};

/** The engine warns of plugins that it finds on PATH. The rehearsal puts them there. */
const EXPECTED_WARNING = /^using pulumi-(resource|language)-\S+ from \$PATH/;

/** Messages for people. The engine also sends debug messages, which have secrets in plain text. */
const SEVERITIES = ["info", "warning", "error"];

/** Turns the engine's events into lines. */
export class Display {
  private readonly started = new Map<string, number>();
  private readonly shown = new Set<string>();

  constructor(private readonly print: Print) {}

  /** Takes the next event. */
  readonly onEvent = (event: EngineEvent): void => {
    if (event.resourcePreEvent) {
      const { metadata, planning } = event.resourcePreEvent;
      this.started.set(keyOf(metadata), Date.now());
      if (planning !== true && metadata.op !== "same") this.announceLong(metadata);
    }
    if (event.resOutputsEvent) this.step(event.resOutputsEvent.metadata, event.resOutputsEvent.planning === true, "");
    if (event.resOpFailedEvent) this.step(event.resOpFailedEvent.metadata, false, " FAILED");
    if (event.diagnosticEvent) {
      const { severity, message, ephemeral } = event.diagnosticEvent;
      const text = message.replace(/<\{%[^%]*%\}>/g, "").trim();
      if (ephemeral !== true && text !== "" && SEVERITIES.includes(severity) && !EXPECTED_WARNING.test(text)) {
        this.once(`${severity === "info" ? "" : `${severity}: `}${text.replace(/^(error|warning): /, "")}`);
      }
    }
  };

  /** The VM and its extensions take longest, so their lines come when they begin, too. */
  private announceLong({ type, urn, op }: StepEventMetadata): void {
    if (type.startsWith("azure-native:compute:")) this.print(`  …  ${op} ${nameOf(urn)}`);
  }

  private step(metadata: StepEventMetadata, planning: boolean, ending: string): void {
    const { op, type, urn, diffs = [] } = metadata;
    const sign = SIGNS[op];
    if (sign === undefined || type === "pulumi:pulumi:Stack" || type.startsWith("pulumi:providers:")) return;
    // A component is but the sum of its parts, each of which has a line of its own.
    if (op === "update" && metadata.new?.custom !== true) return;
    const seconds = (Date.now() - (this.started.get(keyOf(metadata)) ?? Date.now())) / 1000;
    const changed = (op === "update" || op === "replace") && diffs.length > 0 ? ` [${diffs.join(", ")}]` : "";
    const time = planning || seconds < 0.05 ? "" : ` ${seconds.toFixed(1)} s`;
    this.print(`  ${sign.padEnd(2)} ${nameOf(urn).padEnd(32)} ${type}${changed}${time}${ending}`);
  }

  /** The engine tells of some errors twice. */
  private once(line: string): void {
    if (this.shown.has(line)) return;
    this.shown.add(line);
    this.print(line);
  }
}

function keyOf({ op, urn }: StepEventMetadata): string {
  return `${op} ${urn}`;
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}
