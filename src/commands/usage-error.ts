/** The command line asks for something that cannot be: one line on standard error, exit 2. */
export class UsageError extends Error {
  override name = "UsageError";
}
