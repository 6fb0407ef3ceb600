import type { Location } from "../audit/fact.ts";
import type { Config } from "./schema.ts";
import type { Secrets } from "./secrets.ts";

/** Where in clawproof.yaml something stands: keys and list positions from the top. */
export type ConfigPath = readonly (string | number)[];

/** A clawproof.yaml that was read, checked and, with `--env`, overlaid. Strings still hold their `${…}`. */
export interface Project {
  /** Absolute path of clawproof.yaml. */
  file: string;
  /** The path as reports show it: relative to where the command was started. */
  shownFile: string;
  /** Folder that relative paths start from. */
  directory: string;
  sha256: string;
  environment: string | null;
  /** The environment asks for `--act-on NAME` before anything is acted on. */
  protected: boolean;
  config: Config;
  secrets: Secrets;
  /** The environment variables that commands inherit and where proxies are looked up. */
  env: Readonly<Record<string, string | undefined>>;
  /** Place of a value, or of the nearest section around it that stands in the file. */
  where(path: ConfigPath): Location;
}
