-- The whole schema, for SQLite and PostgreSQL alike. Columns are text or integer: times are ISO 8601 in UTC with
-- milliseconds, so that text order is time order; booleans are 0 or 1 and begin with is_; what ends in _hash is the
-- SHA-256 of a secret, as hex. Each statement ends with a semicolon and an empty line. What only one engine
-- understands follows a line "-- only sqlite" or "-- only postgres" and ends at "-- both".

-- One row: a database belongs to one partner hub, or to the demo.
create table installation (
  id integer not null primary key check (id = 1),
  hub_id text not null,
  created_at text not null
);

-- A sealed sample for each vault key that this database was sealed with: it proves that the right keys are there.
create table vault_check (
  kid text not null primary key,
  sealed text not null,
  created_at text not null
);

-- Customers, clients and channels -------------------------------------------------------------------------------

-- The product's own customers; self_... when they signed up by themselves.
create table tenant (
  id text not null primary key check (id <> ''),
  name text not null,
  created_at text not null
);

-- 360dialog's clients, as it described them last; only the id is known of some.
create table client (
  id text not null primary key,
  name text,
  emails text not null default '[]',
  max_channels integer check (max_channels >= 0),
  created_at text,
  observed_at text not null,
  shares_read_at text
);

-- What 360dialog lets clients of this hub do, as it said last; one row.
create table partner_hub (
  id integer not null primary key check (id = 1),
  is_blocked integer not null check (is_blocked in (0, 1)),
  is_adding_refused integer not null check (is_adding_refused in (0, 1)),
  observed_at text not null
);

-- A WhatsApp number under a client. What 360dialog says of it, to whom it is bound, and what follows from it here.
create table channel (
  id text not null primary key,
  client_id text not null references client (id),
  tenant_id text references tenant (id),
  bound_at text,
  phone_number text,
  display_name text,
  status text not null check (status in ('draft', 'in_setup', 'live', 'pending_deletion', 'terminated', 'unknown')),
  raw_status text not null,
  is_running integer not null check (is_running in (0, 1)),
  running_reported_at text,
  created_at text,
  observed_at text not null,
  unlisted_at text,
  facts text not null default '{}',
  permission text not null default 'unknown' check (permission in ('shared', 'missing', 'unknown')),
  permission_source text check (permission_source in ('return', 'mint', 'probe', 'api', 'notice', 'admin')),
  permission_observed_at text,
  permission_since_at text,
  is_permission_disputed integer not null default 0 check (is_permission_disputed in (0, 1)),
  key_status text not null default 'none' check (key_status in
    ('none', 'waiting', 'minting', 'stored', 'needs_decision', 'unknown', 'rejected', 'retired')),
  key_version integer not null default 0 check (key_version >= 0),
  check ((tenant_id is null) = (bound_at is null)),
  check (key_status not in ('stored', 'rejected', 'retired') or key_version >= 1)
);

create index channel_tenant on channel (tenant_id, id);

create index channel_phone_number on channel (phone_number);

-- With both columns, since either alone may be most of the table: without statistics SQLite would pick one of them.
create index channel_tenant_key_status on channel (tenant_id, key_status, id);

create index channel_tenant_permission on channel (tenant_id, permission, id);

create index channel_client on channel (client_id);

create index channel_key_status on channel (key_status, id);

create index channel_permission on channel (permission, id);

create index channel_unshared on channel (permission, key_status, permission_since_at) where tenant_id is not null;

create index channel_key_status_bound on channel (key_status, bound_at) where tenant_id is not null;

create index channel_deletion on channel (id) where status = 'pending_deletion';

-- What one source said of a channel's permission at one time.
create table observation (
  id text not null primary key,
  channel_id text not null references channel (id),
  source text not null check (source in ('return', 'mint', 'probe', 'api', 'notice', 'admin')),
  says text not null check (says in
    ('shared', 'missing', 'grant_reported', 'revocation_reported', 'key_works', 'key_rejected')),
  observed_at text not null
);

create index observation_channel on observation (channel_id, id);

-- What 360dialog changed about a channel, for its history.
create table channel_change (
  id text not null primary key,
  channel_id text not null references channel (id),
  fact text not null check (fact in ('status', 'messagingLimit', 'quality')),
  was text not null,
  became text not null,
  changed_at text not null
);

create index channel_change_channel on channel_change (channel_id, id);

-- How far the walk through all clients and channels of the hub has come; one row.
create table sync (
  id integer not null primary key check (id = 1),
  list text not null check (list in ('clients', 'channels', 'permissions')),
  place integer not null check (place >= 0),
  started_at text,
  read_at text,
  clients integer not null check (clients >= 0),
  channels integer not null check (channels >= 0),
  failures integer not null check (failures >= 0),
  failed_at text,
  complete_from_at text,
  completed_at text
);

-- By what an admin finds a row: its names, ids, addresses and numbers, folded by us (src/search/terms.ts). A term is
-- looked up by its beginning, so both engines compare bytes.
-- only sqlite
create table search_term (
  term text not null check (term <> ''),
  kind text not null check (kind in ('tenant', 'client', 'channel', 'session')),
  subject text not null,
  primary key (term, kind, subject)
) without rowid;

-- only postgres
create table search_term (
  term text collate "C" not null check (term <> ''),
  kind text not null check (kind in ('tenant', 'client', 'channel', 'session')),
  subject text not null,
  primary key (term, kind, subject)
);

-- both
create index search_term_subject on search_term (subject, kind, term);

-- Onboarding ----------------------------------------------------------------------------------------------------

-- One attempt to connect, from the link to the result. The code is what a customer quotes.
create table connect_session (
  id text not null primary key,
  tenant_id text not null references tenant (id),
  origin text not null check (origin in ('link', 'self_signup')),
  link_hash text check (length(link_hash) = 64),
  form_hash text check (length(form_hash) = 64),
  email text,
  is_email_verified integer not null check (is_email_verified in (0, 1)),
  number text,
  code text not null,
  return_count integer not null check (return_count between 0 and 50),
  created_at text not null,
  opened_at text,
  expires_at text not null,
  check (expires_at > created_at),
  check ((origin = 'link') = (link_hash is not null))
);

create unique index connect_session_link on connect_session (link_hash);

create unique index connect_session_form on connect_session (form_hash);

create unique index connect_session_code on connect_session (code);

create index connect_session_tenant on connect_session (tenant_id, id);

create index connect_session_expiry on connect_session (expires_at);

-- One departure to the permission screen.
create table launch (
  id text not null primary key,
  session_id text not null references connect_session (id),
  nonce_hash text not null check (length(nonce_hash) = 64),
  status_hash text not null check (length(status_hash) = 64),
  browser_hash text not null,
  client_id text references client (id),
  is_continuation integer not null check (is_continuation in (0, 1)),
  language text not null check (language in ('en', 'de')),
  created_at text not null,
  expires_at text not null,
  check (expires_at > created_at)
);

create unique index launch_nonce on launch (nonce_hash);

create unique index launch_status on launch (status_hash);

create index launch_session on launch (session_id);

create index launch_browser on launch (browser_hash, expires_at);

create index launch_expiry on launch (expires_at);

-- The seconds that signed launches have taken: 360dialog accepts one launch for each signature.
create table launch_signature (
  second text not null primary key
);

-- One redirect received. Without a launch it belongs to no session, and names one channel.
create table connect_return (
  id text not null primary key,
  launch_id text references launch (id),
  session_id text references connect_session (id),
  client_id text,
  raw text,
  digest text not null,
  state text not null check (state in
    ('received', 'pending', 'bound', 'awaiting_owner', 'needs_review', 'refused', 'declined', 'unreadable')),
  arrival text not null check (arrival in ('launch', 'other_browser', 'no_cookie', 'expired_launch', 'open_launch',
    'resumed', 'no_nonce', 'unknown_nonce', 'two_nonces')),
  page_hash text check (length(page_hash) = 64),
  browser_hash text,
  problem text check (problem in ('credentials_refused', 'refused', 'unexpected_answer', 'upstream_failed')),
  received_at text not null,
  closed_at text,
  check ((launch_id is null) = (session_id is null)),
  check ((launch_id is null) = (arrival in ('no_nonce', 'unknown_nonce', 'two_nonces')))
);

create unique index connect_return_once on connect_return (launch_id, digest);

create unique index connect_return_unattached on connect_return (digest)
  where launch_id is null and state in ('received', 'needs_review');

create index connect_return_session on connect_return (session_id, id);

create index connect_return_page on connect_return (page_hash) where page_hash is not null;

create index connect_return_problem on connect_return (problem) where state = 'received';

create index connect_return_raw on connect_return (received_at) where raw is not null;

create index connect_return_unconnected on connect_return (received_at)
  where state in ('pending', 'refused', 'declined', 'unreadable');

-- Who came back and cannot go on by itself.
create index connect_return_stuck on connect_return (received_at)
  where state = 'unreadable' or (arrival = 'no_cookie' and state = 'declined');

create index connect_return_received on connect_return (received_at) where state = 'received';

-- A channel that a return named, and what became of it.
create table returned_channel (
  return_id text not null references connect_return (id) on delete cascade,
  channel_id text not null,
  is_revoked integer not null check (is_revoked in (0, 1)),
  outcome text check (outcome in ('bound', 'owner', 'review', 'refused')),
  rule text check (rule in ('bound_already', 'verified_email', 'owner_confirmed', 'known_client', 'decision')),
  reason text check (reason in ('client_not_listed', 'another_client', 'channel_not_listed', 'bound_elsewhere',
    'launch_expired', 'no_cookie', 'no_nonce', 'owner_refused', 'owner_silent', 'nothing_matches', 'another_number',
    'no_session')),
  primary key (return_id, channel_id),
  check (is_revoked = 0 or outcome is null)
);

create index returned_channel_channel on returned_channel (channel_id, return_id);

-- A channel that an admin decides about; each return that names it with the outcome "review" is a claimant.
create table review (
  id text not null primary key,
  client_id text not null,
  channel_id text not null,
  return_id text references connect_return (id) on delete set null,
  session_id text references connect_session (id),
  tenant_id text references tenant (id),
  arrival text not null check (arrival in ('launch', 'other_browser', 'no_cookie', 'expired_launch', 'open_launch',
    'resumed', 'no_nonce', 'unknown_nonce', 'two_nonces')),
  reason text not null check (reason in ('another_client', 'channel_not_listed', 'bound_elsewhere',
    'launch_expired', 'no_cookie', 'no_nonce', 'owner_refused', 'owner_silent', 'nothing_matches', 'another_number',
    'no_session')),
  opened_at text not null,
  decision text check (decision in ('accepted', 'moved', 'refused', 'settled')),
  decided_by text,
  decided_tenant_id text references tenant (id),
  shown text,
  closed_at text,
  check ((decision is null) = (closed_at is null)),
  check ((decision is null) = (decided_by is null)),
  check ((shown is null) = (decision is null or decision = 'settled'))
);

create unique index review_one_open on review (client_id, channel_id) where closed_at is null;

create index review_open on review (id) where closed_at is null;

create index review_channel on review (channel_id, id);

create index review_session on review (session_id);

create index review_return on review (return_id);

-- One mail to the owner of a client: does this session's customer get these channels? One for a client and session,
-- whatever came of it. The link's id is sealed until the mail has left; from then on only its hash is here.
create table owner_confirmation (
  id text not null primary key,
  session_id text not null references connect_session (id),
  client_id text not null references client (id),
  email text not null,
  language text not null check (language in ('en', 'de')),
  asked_by text not null,
  link_hash text not null check (length(link_hash) = 64),
  sealed_link text,
  created_at text not null,
  sent_at text,
  expires_at text not null,
  answer text check (answer in ('yes', 'no', 'none')),
  closed_at text,
  check (expires_at > created_at),
  check ((answer is null) = (closed_at is null)),
  check (sent_at is null or sealed_link is null),
  check (closed_at is null or sealed_link is null)
);

create unique index owner_confirmation_once on owner_confirmation (client_id, session_id);

create unique index owner_confirmation_link on owner_confirmation (link_hash);

create index owner_confirmation_day on owner_confirmation (client_id, created_at);

create index owner_confirmation_session on owner_confirmation (session_id);

create index owner_confirmation_closed on owner_confirmation (closed_at) where closed_at is not null;

create table owner_confirmation_channel (
  confirmation_id text not null references owner_confirmation (id) on delete cascade,
  channel_id text not null references channel (id),
  primary key (confirmation_id, channel_id)
);

create index owner_confirmation_channel_channel on owner_confirmation_channel (channel_id);

-- A customer of the product about whom an owner said "no, and stop these": it causes no more mails.
create table owner_mail_stop (
  tenant_id text not null primary key references tenant (id) on delete cascade,
  stopped_at text not null
);

-- A page that told somebody of a failure: what the code on it leads to. Neither an address nor an id of 360dialog.
create table failed_page (
  id text not null primary key,
  code text not null,
  route text not null,
  status integer not null check (status between 200 and 599),
  what text not null check (what in ('unreadable', 'unreadable_return', 'forbidden', 'not_found', 'too_many', 'busy',
    'upstream', 'bug', 'out_of_order', 'link_unknown', 'link_expired', 'link_used_up', 'no_launch', 'question_unknown',
    'question_expired')),
  session_id text references connect_session (id) on delete set null,
  happened_at text not null
);

create index failed_page_code on failed_page (code, id);

create index failed_page_session on failed_page (session_id, id);

create index failed_page_age on failed_page (happened_at);

-- Keys ----------------------------------------------------------------------------------------------------------

-- The ledger of key creations; a row is never deleted. A new key ends the channel's earlier one at 360dialog, so at
-- most one mint of a channel is open, whoever asks, on any number of processes.
create table mint (
  id text not null primary key,
  channel_id text not null references channel (id),
  version integer not null check (version >= 1),
  reason text not null check (reason in ('return', 'lost_answer', 'replace')),
  asked_by text not null,
  launched_at text,
  state text not null check (state in
    ('waiting', 'minting', 'sealed', 'stored', 'unknown', 'needs_decision', 'refused', 'not_needed')),
  problem text,
  upstream_status integer,
  records_before text,
  records_after text,
  sealed_answer text,
  is_held_back integer not null default 0 check (is_held_back in (0, 1)),
  requested_at text not null,
  since_at text not null,
  sent_at text,
  closed_at text,
  check (state not in ('stored', 'refused', 'not_needed') or closed_at is not null),
  check (state not in ('waiting', 'minting', 'sealed', 'needs_decision') or closed_at is null),
  check (state not in ('minting', 'sealed', 'stored', 'unknown') or sent_at is not null),
  check (state <> 'sealed' or sealed_answer is not null),
  check (state <> 'stored' or sealed_answer is null)
);

create unique index mint_one_open on mint (channel_id) where closed_at is null;

create index mint_channel on mint (channel_id, id);

create index mint_open_state on mint (state, since_at) where closed_at is null;

create index mint_open_problem on mint (problem, since_at) where closed_at is null;

-- A channel's keys: ciphertext, sealed to hub, channel, version and address. At most one is in use. One that a former
-- tenant had when the channel moved is held back: served to nobody before an admin has confirmed or replaced it.
create table api_key (
  channel_id text not null references channel (id),
  version integer not null check (version >= 1),
  kid text not null,
  sealed text not null,
  fingerprint text not null check (length(fingerprint) = 16),
  address text not null,
  app_id text,
  record_id text,
  status text not null check (status in ('stored', 'rejected', 'retired')),
  is_held_back integer not null default 0 check (is_held_back in (0, 1)),
  refusals integer not null default 0,
  refused_at text,
  created_at text not null,
  closed_at text,
  primary key (channel_id, version),
  check ((status = 'stored') = (closed_at is null))
);

create unique index api_key_one_stored on api_key (channel_id) where status = 'stored';

-- What follows a stored key: the probe that proves it, and the channel's messaging webhook.
create table channel_task (
  channel_id text not null references channel (id),
  name text not null check (name in ('probe', 'webhook')),
  version integer not null check (version >= 1),
  state text not null check (state in ('due', 'ok', 'failed')),
  problem text,
  since_at text not null,
  done_at text,
  primary key (channel_id, name)
);

create index channel_task_unsettled on channel_task (state, since_at) where state <> 'ok';

-- A channel's health as the Messaging API told it last. It may be asked for once in 300 seconds, or at once with a new
-- key: asked_at is taken before the call, by whoever may make it.
create table channel_health (
  channel_id text not null primary key references channel (id),
  version integer not null check (version >= 1),
  is_on_gateway integer not null default 0 check (is_on_gateway in (0, 1)),
  asked_at text not null,
  state text not null check (state in ('available', 'unknown', 'limited', 'blocked')),
  findings text not null,
  since_at text,
  answered_at text,
  failure text check (failure in ('key_rejected', 'refused', 'unreachable', 'unexpected_answer')),
  failed_at text,
  check ((since_at is null) = (answered_at is null)),
  check ((failure is null) = (failed_at is null))
);

-- Notices -------------------------------------------------------------------------------------------------------

-- One event that 360dialog's partner webhook brought; what comes again byte for byte is counted. Only account events
-- keep their body: chats and contacts come the same way, and must never be here.
create table notice (
  id text not null primary key,
  event text not null,
  envelope_id text,
  data_id text,
  channel_id text,
  client_id text,
  size integer not null check (size >= 1),
  digest text not null check (length(digest) = 64),
  place integer not null check (place >= 0),
  signature text not null check (signature in ('valid', 'invalid', 'missing', 'unchecked')),
  body text,
  copies integer not null check (copies >= 1),
  received_at text not null,
  last_received_at text not null,
  outcome text check (outcome in ('read', 'not_listed', 'kept')),
  check (last_received_at >= received_at),
  check (body is null or event in ('client_created', 'channel_created', 'channel_submitted', 'channel_ready',
    'channel_running', 'channel_live', 'channel_permission_granted', 'channel_permission_revoked',
    'cancellation_request', 'cancellation_revoke', 'cancellation_processed', 'account_violation',
    'account_restriction', 'template_messaging_enabled', 'template_messaging_disabled',
    'waba_template_status_changed'))
);

create unique index notice_once on notice (digest, place, signature);

create index notice_channel on notice (channel_id, last_received_at);

create index notice_waiting on notice (id) where outcome is null;

create index notice_waiting_channel on notice (channel_id, id) where outcome is null;

create index notice_age on notice (last_received_at);

-- Background work -----------------------------------------------------------------------------------------------

-- Work that waits or is under way; a finished job is deleted. It may be taken from due_at on: while somebody holds
-- it, that is the end of the lease. A job asked for again while it is held runs once more when it is given back.
create table job (
  id text not null primary key,
  kind text not null,
  subject text not null,
  priority integer not null check (priority between 0 and 9),
  due_at text not null,
  leased_until text,
  attempts integer not null check (attempts >= 0),
  is_wanted_again integer not null check (is_wanted_again in (0, 1)),
  check (leased_until is null or leased_until = due_at),
  check (leased_until is not null or is_wanted_again = 0)
);

create unique index job_subject on job (kind, subject);

create index job_due on job (kind, priority, due_at);

-- The calls to 360dialog that count against its limit; one row, shared by all processes.
create table call_budget (
  id integer not null primary key check (id = 1),
  slow_until text,
  blocked_until text,
  no_spare_until text,
  calls text not null
);

-- What is wrong between this site and its hub, while something is; one row at most.
create table hub_trouble (
  id integer not null primary key check (id = 1),
  kind text not null check (kind in ('away', 'credentials_refused', 'not_understood')),
  upstream_status integer,
  since_at text not null,
  asked_at text not null
);

-- Access --------------------------------------------------------------------------------------------------------

create table admin (
  id text not null primary key,
  name text not null check (name <> ''),
  password_hash text,
  created_at text not null,
  disabled_at text
);

create unique index admin_name on admin (name);

create table admin_session (
  sid_hash text not null primary key check (length(sid_hash) = 64),
  admin_id text not null references admin (id),
  content text not null,
  expires_at text not null
);

create index admin_session_admin on admin_session (admin_id);

create index admin_session_expiry on admin_session (expires_at);

create table one_time_code (
  code_hash text not null primary key check (length(code_hash) = 64),
  admin_id text not null references admin (id),
  expires_at text not null,
  used_at text
);

-- Browsers in which an admin has signed in: a stranger's wrong passwords do not keep them out.
create table admin_browser (
  browser_hash text not null check (length(browser_hash) = 64),
  admin_id text not null references admin (id),
  expires_at text not null,
  primary key (browser_hash, admin_id)
);

create index admin_browser_admin on admin_browser (admin_id);

create index admin_browser_expiry on admin_browser (expires_at);

-- Tries to sign in, counted for an address, or for a name and where it was tried; shared by all processes.
create table sign_in_count (
  key_hash text not null primary key check (length(key_hash) = 64),
  tries integer not null check (tries >= 1),
  waits_until text,
  expires_at text not null
);

create index sign_in_count_expiry on sign_in_count (expires_at);

create table api_token (
  id text not null primary key,
  name text not null,
  token_hash text not null check (length(token_hash) = 64),
  scopes text not null,
  tenant_id text,
  created_at text not null,
  expires_at text,
  revoked_at text
);

create unique index api_token_hash on api_token (token_hash);

-- How often a token has read a channel's key, by hour and version.
create table key_read (
  token_id text not null references api_token (id),
  channel_id text not null references channel (id),
  hour text not null,
  reads integer not null check (reads >= 1),
  first_at text not null,
  last_at text not null,
  primary key (token_id, channel_id, hour)
);

create index key_read_last on key_read (last_at);

-- What was done, by whom. Rows are added and never changed or deleted: the triggers hold against our own code and against
-- mistakes, not against the owner of the database, who can drop them.
create table audit_entry (
  id text not null primary key,
  at text not null,
  actor text not null,
  action text not null,
  channel_id text,
  tenant_id text,
  detail text not null
);

create index audit_entry_channel on audit_entry (channel_id, id);

-- only sqlite
create trigger audit_entry_no_update before update on audit_entry
begin
  select raise(abort, 'audit_entry is append-only');
end;

create trigger audit_entry_no_delete before delete on audit_entry
begin
  select raise(abort, 'audit_entry is append-only');
end;

-- "insert or replace" deletes without the trigger above, unless a connection has recursive_triggers on, as ours have.
create trigger audit_entry_no_replace before insert on audit_entry
when exists (select 1 from audit_entry where id = new.id)
  or exists (select 1 from audit_entry where rowid = new.rowid)
begin
  select raise(abort, 'audit_entry is append-only');
end;

-- only postgres
create function audit_entry_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'audit_entry is append-only';
end $$;

create trigger audit_entry_append_only before update or delete or truncate on audit_entry
  for each statement execute function audit_entry_append_only();

-- both
