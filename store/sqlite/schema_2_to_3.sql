-- What schema 3 has more than schema 2, for a file that is there already.
BEGIN IMMEDIATE;
ALTER TABLE sign_ins ADD COLUMN rotated_at_ms INTEGER;
ALTER TABLE used_tickets ADD COLUMN nonce TEXT NOT NULL DEFAULT '';
PRAGMA user_version = 3;
COMMIT;
