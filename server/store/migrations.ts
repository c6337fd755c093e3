/** "grok", in the file's header. */
export const applicationId = 0x67726f6b;

/**
 * Migration i takes a file from `PRAGMA user_version` i to i + 1. A migration that has been released is never changed.
 *
 * A state's arrays are no columns of heads and snapshots but rows of `arrays`, so that a server's start, which reads every snapshot's
 * meta data, touches none of them; and a head and a snapshot of one step share them. Position 0 is the train mask, then the tensors
 * in their order. Digests are hexadecimal text: quicker to read than blobs where there are many. Triggers delete them with their last reference, however that goes.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE about (
    key TEXT PRIMARY KEY,
    value INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    ordinal INTEGER NOT NULL UNIQUE,
    create_time_ms INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    parent_session TEXT,
    parent_step INTEGER,
    state TEXT NOT NULL,
    step INTEGER NOT NULL,
    spec TEXT NOT NULL,
    body TEXT NOT NULL,
    digest TEXT NOT NULL
  ) STRICT;

  CREATE TABLE heads (
    session TEXT NOT NULL PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    step INTEGER NOT NULL,
    create_time_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    pinned INTEGER NOT NULL,
    meta TEXT NOT NULL,
    tensors TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    train_sha256 TEXT NOT NULL,
    content INTEGER NOT NULL,
    digest TEXT NOT NULL
  ) STRICT;
  CREATE INDEX heads_by_content ON heads (content);

  CREATE TABLE snapshots (
    session TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,
    step INTEGER NOT NULL,
    create_time_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    pinned INTEGER NOT NULL,
    meta TEXT NOT NULL,
    tensors TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    train_sha256 TEXT NOT NULL,
    content INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (session, step)
  ) STRICT;
  CREATE INDEX snapshots_by_content ON snapshots (content);

  CREATE TABLE arrays (
    content INTEGER NOT NULL,
    position INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (content, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TRIGGER heads_let_go AFTER DELETE ON heads
  WHEN NOT EXISTS (SELECT 1 FROM heads WHERE content = OLD.content)
    AND NOT EXISTS (SELECT 1 FROM snapshots WHERE content = OLD.content)
  BEGIN
    DELETE FROM arrays WHERE content = OLD.content;
  END;

  CREATE TRIGGER snapshots_let_go AFTER DELETE ON snapshots
  WHEN NOT EXISTS (SELECT 1 FROM heads WHERE content = OLD.content)
    AND NOT EXISTS (SELECT 1 FROM snapshots WHERE content = OLD.content)
  BEGIN
    DELETE FROM arrays WHERE content = OLD.content;
  END;

  CREATE TABLE progress (
    session TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,
    first_sequence INTEGER NOT NULL,
    count INTEGER NOT NULL,
    data BLOB NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (session, first_sequence)
  ) STRICT;

  CREATE TABLE answers (
    request_id TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    method TEXT NOT NULL,
    response BLOB NOT NULL,
    expire_time_ms INTEGER NOT NULL,
    digest TEXT NOT NULL
  ) STRICT;
  CREATE INDEX answers_by_expiry ON answers (expire_time_ms);

  CREATE TABLE events (
    session TEXT NOT NULL,
    step INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    digest TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_session ON events (session);
  `,
  // A row of progress may have more float64 a point than 14. No table changes, but what knows only 14 must not read it.
  "",
  // A sweep and its finished runs. The curve is last: what is counted at a start is read without it.
  `
  CREATE TABLE sweeps (
    id TEXT NOT NULL PRIMARY KEY,
    ordinal INTEGER NOT NULL UNIQUE,
    create_time_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    digest TEXT NOT NULL
  ) STRICT;

  CREATE TABLE sweep_runs (
    sweep TEXT NOT NULL REFERENCES sweeps ON DELETE CASCADE,
    run INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    steps INTEGER NOT NULL,
    finish_time_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    curve BLOB NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (sweep, run)
  ) STRICT;
  CREATE INDEX sweep_runs_by_sequence ON sweep_runs (sweep, sequence);
  `,
];

/** From this version on tables were only added, so that a file of it, a backup for one, can be read as it is. */
export const readableVersion = 1;
