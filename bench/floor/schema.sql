-- The floor's own plain tables: what a careful author would write by hand, without row level security, roles or triggers.
-- Sealed values are text (base64): no hex on the wire, and Node decodes it several times faster than `\x…`.

CREATE TABLE teams (
  id uuid PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE api_keys (
  key_hash text PRIMARY KEY,
  id uuid NOT NULL,
  team_id uuid NOT NULL,
  user_id uuid NOT NULL
);

CREATE TABLE clients (
  team_id uuid NOT NULL,
  id uuid NOT NULL,
  type text NOT NULL,
  status text NOT NULL,
  owner_id uuid,
  tags jsonb NOT NULL DEFAULT '[]',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  archived_at timestamptz(3),
  sealed text NOT NULL,
  PRIMARY KEY (team_id, id)
);

CREATE TABLE data_keys (
  team_id uuid NOT NULL,
  subject_id uuid NOT NULL,
  data_key text NOT NULL,
  PRIMARY KEY (team_id, subject_id)
);

-- Keyed tokens of e-mail, phone and the prefixes of name words, by which a client is found again.
CREATE TABLE blind_index (
  team_id uuid NOT NULL,
  token uuid NOT NULL,
  subject_id uuid NOT NULL,
  PRIMARY KEY (team_id, token, subject_id)
);

-- Ids are UUIDv7, so their order is the order of creation and one index serves filter and keyset.
CREATE INDEX clients_by_status ON clients (team_id, status, id) WHERE archived_at IS NULL;
-- The contract's other lists: what changed since, by type, by owner, and all that is not archived. Whoever serves them
-- without reading the table keeps these up with every write.
CREATE INDEX clients_live ON clients (team_id, id) WHERE archived_at IS NULL;
CREATE INDEX clients_by_update ON clients (team_id, updated_at, id) WHERE archived_at IS NULL;
CREATE INDEX clients_by_type ON clients (team_id, type, id) WHERE archived_at IS NULL;
CREATE INDEX clients_by_owner ON clients (team_id, owner_id, id) WHERE archived_at IS NULL;

CREATE TABLE audit_log (
  team_id uuid NOT NULL,
  id uuid NOT NULL,
  action text NOT NULL,
  resource_type text NOT NULL,
  resource_id uuid NOT NULL,
  user_id uuid,
  api_key_id uuid,
  auth_method text NOT NULL,
  old_values jsonb,
  new_values jsonb,
  sealed_values text,
  ip_address inet,
  user_agent text,
  request_id text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (team_id, id)
);

-- The contract's filters of the audit log.
CREATE INDEX audit_log_by_resource ON audit_log (team_id, resource_type, resource_id, id);
CREATE INDEX audit_log_by_user ON audit_log (team_id, user_id, id);
CREATE INDEX audit_log_by_api_key ON audit_log (team_id, api_key_id, id);
