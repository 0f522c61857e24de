-- The one table of the journal, and what keeps it growing at its end only.
-- Kinds are not listed in a CHECK: a table that refuses every change could never learn a new one. No CHECK uses a JSON
-- function: SQLite before 3.41 could then not even open the file with trusted_schema off.

create table events (
  -- Everything that happened, in order: decisions before they took effect, outcomes, refusals, reads, starts and stops.
  seq integer primary key check (seq > 0), -- row number, from 1 without gaps: the order in which things were decided
  utc text not null check (utc glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z'), -- wall clock when it happened, ISO-8601 in UTC
  mono_ns integer not null, -- monotonic clock in nanoseconds; compares only with rows of the same boot
  boot text not null check (boot <> ''), -- which run of the program wrote the row
  kind text not null check (kind <> ''), -- start, stop, preflight, policy, rotation, decision, confirmation, refusal, refusals, outcome, delivery, reads, stream, trading_state, notice, untold, day_loss, reconciliation, resolution or snapshot
  decision_id text check (decision_id <> ''), -- the id that the client was told; a decision and its outcomes share it
  body text not null check (body glob '{*}'), -- canonical JSON: sorted keys, no spaces, ASCII; its shape depends on kind
  prev_hash text not null unique check (length(prev_hash) = 64), -- hash of the row before; 64 zeros in the first row
  hash text not null check (length(hash) = 64) -- SHA-256 over all other columns, as hex
) strict;

create index events_decision on events (decision_id) where decision_id is not null;

create trigger events_follow before insert on events
when new.seq is not (select coalesce(max(seq), 0) + 1 from events)
  or new.prev_hash is not coalesce((select hash from events order by seq desc limit 1), printf('%064d', 0))
begin
  select raise(abort, 'the journal only grows at its end: this row does not follow the last one');
end;

create trigger events_no_update before update on events
begin
  select raise(abort, 'the journal only grows: rows are never changed');
end;

create trigger events_no_delete before delete on events
begin
  select raise(abort, 'the journal only grows: rows are never deleted');
end;
