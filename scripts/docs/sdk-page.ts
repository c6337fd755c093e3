import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Application, type TypeDocOptions } from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";

export interface Entry {
  /** From sdk/src. */
  readonly module: string;
  readonly title: string;
  /** What is imported. */
  readonly name: string;
}

/** What the doc comments of an entry point of the SDK say, as one page. Throws when a link in them leads nowhere. */
export async function renderSdk(root: string, { module, title, name }: Entry): Promise<string> {
  const intro = `# ${title}

Everything that \`${name}\` exports, with its doc comments, made by \`npm run docs\`.`;
  const out = mkdtempSync(join(tmpdir(), "grokbox-sdk-docs-"));
  const options: TypeDocOptions & Partial<PluginOptions> = {
    entryPoints: [join(root, "sdk/src", module)],
    out,
    tsconfig: join(import.meta.dirname, "tsconfig.json"),
    plugin: ["typedoc-plugin-markdown"],
    logLevel: "Warn",
    readme: "none",
    disableGit: true,
    disableSources: true,
    excludePrivate: true,
    excludeExternals: true,
    sort: ["source-order"],
    validation: { notExported: false, invalidLink: true, invalidPath: true },
    outputFileStrategy: "modules",
    entryFileName: "sdk",
    hidePageHeader: true,
    hidePageTitle: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    parametersFormat: "table",
    propertiesFormat: "table",
    interfacePropertiesFormat: "table",
    classPropertiesFormat: "table",
    typeDeclarationFormat: "table",
    propertyMembersFormat: "table",
    tableColumnSettings: {
      hideDefaults: true,
      hideInherited: true,
      hideModifiers: true,
      hideOverrides: true,
    },
  };
  try {
    const app = await Application.bootstrapWithPlugins(options);
    const project = await app.convert();
    if (project === undefined) throw new Error("TypeDoc can't read the SDK");
    app.validate(project);
    await app.generateOutputs(project);
    if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error("the SDK's comments need care");
    return `${intro}\n\n${readFileSync(join(out, "sdk.md"), "utf8").trim()}\n`;
  } finally {
    rmSync(out, { recursive: true });
  }
}
