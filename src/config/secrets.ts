/** Looks a secret's value up when it is needed, and hides every value it ever gave out. */
export interface Secrets {
  /** The value, from `secrets:` else from the environment. Throws MissingSecret (`NAME is not set`). */
  get(name: string): Promise<string>;
  /** Whether it could be looked up, without telling the value or running a command: for `--dry-run`. */
  has(name: string): Promise<boolean>;
  /** `text` without any value given out so far, raw or encoded (URL, base64, JSON); values under 6 characters are not sought. */
  redact(text: string): string;
}

/** A secret that is needed and not set; the message is `NAME is not set`, with the reason where `secrets:` names a source that failed. */
export class MissingSecret extends Error {
  override name = "MissingSecret";
  readonly secret: string;
  /** Why the source that `secrets:` names gave nothing; null where it names none. */
  readonly why: string | null;
  constructor(secret: string, why: string | null = null) {
    super(why === null ? `${secret} is not set` : `${secret} is not set (${why})`);
    this.secret = secret;
    this.why = why;
  }
}
