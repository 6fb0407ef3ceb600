/** The tables of the data file. `log` is the truth; the others are what a start or a look-up would else have to replay. */

export const SCHEMA_VERSION = 1;

export const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE log (
  seq INTEGER PRIMARY KEY,
  epoch INTEGER UNIQUE,
  kind TEXT NOT NULL,
  scope TEXT,
  hash TEXT NOT NULL,
  entry TEXT NOT NULL
);
CREATE INDEX log_by_scope ON log (scope, seq);
CREATE INDEX log_of_drills ON log (seq) WHERE kind = 'drill';
CREATE TABLE orders (scope TEXT, cause TEXT, entry TEXT NOT NULL, PRIMARY KEY (scope, cause)) WITHOUT ROWID;
CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hash TEXT NOT NULL,
  roles TEXT NOT NULL,
  agent TEXT,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT
) WITHOUT ROWID;
CREATE TABLE answers (
  token_id TEXT,
  key TEXT,
  request TEXT NOT NULL,
  answer TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (token_id, key)
) WITHOUT ROWID;
CREATE TABLE instances (agent TEXT, instance TEXT, seen TEXT NOT NULL, PRIMARY KEY (agent, instance)) WITHOUT ROWID;
`;
