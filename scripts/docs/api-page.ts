import type {
  AnyDesc,
  DescEnum,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescService,
} from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { getComments } from "@bufbuild/protoplugin";
import { escapeMarkup, linkTo, table } from "./markdown.ts";

const intro = `# The API

What \`proto/\` says, made by \`npm run docs\`. Each method is shown with its request and its answer; what several of them share follows
after the services. A field marked *optional* can be told from its zero: left out, it is absent. Of the fields marked *one of* at most one
is set. Numbers of steps, sequences and bytes are 64-bit; in JSON they are strings.

Errors are a \`google.rpc.Status\` with a ${linkTo("google.rpc.ErrorInfo")} whose reason is one of ${linkTo("ErrorReason")}, and for bad
input a ${linkTo("google.rpc.BadRequest")} that names each field.
`;

/** All services, messages and enums of the files, as one page. */
export function renderApi(files: readonly DescFile[]): string {
  const services = files.flatMap((file) => file.services);
  const methods = services.flatMap((service) => service.methods);
  const ofMethods = new Set<AnyDesc>(methods.flatMap(({ input, output }) => [input, output]));
  const parts = [intro, renderContents(services), ...services.map(renderService), "## Shared messages"];
  for (const file of files) {
    const messages = file.messages.flatMap(withNested).filter((message) => !ofMethods.has(message));
    parts.push(...messages.map((message) => section(message, renderFields(message))));
    parts.push(...file.enums.map((each) => section(each, renderValues(each))));
  }
  return `${parts.map((part) => part.trim()).join("\n\n")}\n`;
}

function renderContents(services: readonly DescService[]): string {
  const rows = services.map((service) => [
    linkTo(service.name),
    service.methods.map((method) => `[${method.name}](${target(method)})`).join(", "),
  ]);
  return table(["service", "methods"], rows);
}

function renderService(service: DescService): string {
  return [`## ${service.name}`, comment(service), ...service.methods.map(renderMethod)].join("\n\n");
}

function renderMethod(method: DescMethod): string {
  const { input, output, parent } = method;
  const kind = method.methodKind;
  const streamed = {
    input: kind === "client_streaming" || kind === "bidi_streaming",
    output: kind === "server_streaming" || kind === "bidi_streaming",
  };
  const request = `**Request** \`${input.name}\`${streamed.input ? ", a stream" : ""}`;
  const answer = `**Answer** \`${output.name}\`${streamed.output ? ", a stream" : ""}`;
  return [
    `### ${parent.name}.${method.name}`,
    comment(method),
    request,
    aside(input),
    renderFields(input),
    answer,
    aside(output),
    renderFields(output),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** What a request's comment says besides being one. */
function aside(message: DescMessage): string {
  return comment(message).replace(/^(Request|Answer) of \w+\.\s*/, "");
}

function section(desc: DescMessage | DescEnum, body: string): string {
  return [`### ${headingOf(desc)}`, comment(desc), body].join("\n\n");
}

function renderFields(message: DescMessage): string {
  if (message.fields.length === 0) return "No fields.";
  const rows = message.fields.map((field) => [
    `\`${field.name}\``,
    typeOf(field),
    [field.oneof && `*One of \`${field.oneof.name}\`.*`, comment(field)].filter(Boolean).join(" "),
  ]);
  return table(["field", "type", "meaning"], rows);
}

function renderValues(desc: DescEnum): string {
  return table(
    ["value", "number", "meaning"],
    desc.values.map((value) => [`\`${value.name}\``, String(value.number), comment(value)]),
  );
}

function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case "map":
      return `map of ${scalar(field.mapKey)} to ${typeOfValue(field, field.mapKind)}`;
    case "list":
      return `repeated ${typeOfValue(field, field.listKind)}`;
    default: {
      const optional = field.proto.proto3Optional ? "optional " : "";
      return `${optional}${typeOfValue(field, field.fieldKind)}`;
    }
  }
}

function typeOfValue(field: DescField, kind: "scalar" | "enum" | "message"): string {
  if (kind === "message") return reference(field.message!);
  if (kind === "enum") return reference(field.enum!);
  return scalar(field.scalar!);
}

function scalar(type: ScalarType): string {
  return ScalarType[type].toLowerCase();
}

function reference(desc: DescMessage | DescEnum): string {
  return desc.typeName.startsWith("google.protobuf.") ? desc.typeName : linkTo(headingOf(desc));
}

/** Names of our own package stand alone. */
function headingOf({ typeName }: DescMessage | DescEnum): string {
  return typeName.replace(/^grokbox\.v1\./, "");
}

function target({ parent, name }: DescMethod): string {
  return /\((.*)\)/.exec(linkTo(`${parent.name}.${name}`))![1]!;
}

function withNested(message: DescMessage): DescMessage[] {
  return [message, ...message.nestedMessages.flatMap(withNested)];
}

function comment(desc: Exclude<AnyDesc, DescFile>): string {
  const { leading = "", trailing = "" } = getComments(desc);
  const text = `${leading}\n${trailing}`.replace(/\s*\n\s*/g, " ").trim();
  return escapeMarkup(text);
}
