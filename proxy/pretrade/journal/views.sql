-- What auditors ask, as views over the one table. They read the canonical bodies and hold nothing of their own.

create view policies as
  -- One row for each time a policy came into force: from the hash in any other row to the exact text.
  select
    seq, -- row of the journal
    utc, -- when it came into force
    json_extract(body, '$.hash') as hash, -- SHA-256 of the text, as decisions name it
    json_extract(body, '$.source') as source, -- where it was read from
    json_extract(body, '$.text') as text -- the whole policy as it was read
  from events
  where kind = 'policy';

create view decisions as
  -- One row for each write that was judged, whatever it was, with what became of it.
  select
    d.seq, -- row of the journal: the order in which writes were judged
    d.decision_id, -- the id that the client was told
    d.utc, -- when it was judged
    d.boot, -- which run of the program judged it
    json_extract(d.body, '$.client') as client, -- registered name of the client
    json_extract(d.body, '$.subaccount') as subaccount, -- subaccount it trades in
    json_extract(d.body, '$.door') as door, -- proxy, base_url, operator or own
    json_extract(d.body, '$.method') as method, -- HTTP method
    json_extract(d.body, '$.path') as path, -- path at the exchange
    json_extract(d.body, '$.operation') as operation, -- name of the endpoint in the catalogue
    json_extract(d.body, '$.request.type') as type, -- create_order, create_batch, amend_order, decrease_order, cancel_order, cancel_batch, cancel_all or withdraw
    json_extract(d.body, '$.verdict') as verdict, -- approved or denied
    (select group_concat(value, ' ') from json_each(d.body, '$.codes')) as codes, -- why it was denied: every code, separated by spaces
    json_extract(d.body, '$.mode') as mode, -- live, or dry_run where nothing is sent
    case
      when json_extract(d.body, '$.verdict') <> 'approved' then null
      when o.seq is not null then json_extract(o.body, '$.state')
      when d.boot = (select boot from events order by seq desc limit 1) then 'in_flight'
      else 'unknown'
    end as outcome, -- accepted, rejected, not_sent, unknown, absent (was unknown, proven not to be at the exchange) or dry_run; in_flight while this run waits for the answer; null when denied
    json_extract(o.body, '$.status') as status, -- HTTP status of the exchange's answer; null when there was none
    json_extract(o.body, '$.detail') as detail, -- what else is known about the outcome, in words
    o.utc as outcome_utc, -- when the outcome was known
    o.seq as outcome_seq, -- row of the journal with the last outcome
    json_extract(d.body, '$.policy') as policy, -- hash of the policy it was judged by (policies.hash)
    json_extract(d.body, '$.request') as request, -- JSON: the request as it was judged and would be sent
    json_extract(d.body, '$.rewrites') as rewrites, -- JSON: names of the fields that were written in for the client
    json_extract(d.body, '$.injected') as injected, -- JSON: what the policy's inject wrote in, each as [place in a batch, field, before, after]; null where it wrote nothing
    json_extract(d.body, '$.facts') as facts, -- JSON: everything else the judgement looked at
    json_extract(d.body, '$.checks') as checks, -- JSON: every check as [rule, what it saw, limit, code or null, leg or null, unit, whether it is enforced]
    json_extract(d.body, '$.latency_us') as latency_us, -- JSON: microseconds of each step up to the judgement
    json_extract(o.body, '$.latency_us') as outcome_latency_us, -- JSON: microseconds of each step after it
    json_extract(o.body, '$.legs') as legs -- JSON: what the exchange said about each order of the request
  from events as d
  left join events as o on o.seq = (
    select max(later.seq) from events as later where later.decision_id = d.decision_id and later.kind = 'outcome'
  )
  where d.kind = 'decision';

create view denials as
  -- One row for each reason why something was denied by us: a judgement gives one for each check that objected.
  select
    d.seq, -- row of the journal
    d.decision_id, -- the id that the client was told
    d.utc, -- when it was denied
    json_extract(d.body, '$.client') as client, -- registered name of the client; null when nobody knows whose it was
    json_extract(d.body, '$.door') as door, -- proxy, base_url, operator or own; null for counted refusals
    'decide' as step, -- where on the way: destination, endpoint, client, decode, decide, journal, send or fault
    json_extract(c.value, '$[3]') as code, -- the reason's code
    json_extract(c.value, '$[0]') as rule, -- the policy's key, or the fact, that objected; null before the judgement
    json_extract(c.value, '$[1]') as observed, -- what was seen
    json_extract(c.value, '$[2]') as limit_value, -- what was allowed
    json_extract(c.value, '$[5]') as unit, -- what the two count, in one word; empty when they are no figures
    json_extract(c.value, '$[4]') as leg, -- which order of a batch, from 0; null when it is about the whole
    1 as count, -- how many requests the row stands for: more than 1 when a flood was counted
    json_extract(d.body, '$.method') as method, -- HTTP method; null for counted refusals
    json_extract(d.body, '$.path') as path, -- path as the client sent it; null for counted refusals
    null as detail -- what was wrong, in words; null where observed and limit_value say it
  from events as d, json_each(d.body, '$.checks') as c
  where d.kind = 'decision'
    and json_extract(d.body, '$.verdict') = 'denied'
    and json_extract(c.value, '$[3]') is not null
    and json_extract(c.value, '$[6]')
  union all
  select
    seq,
    decision_id,
    utc,
    json_extract(body, '$.client'),
    json_extract(body, '$.door'),
    json_extract(body, '$.step'),
    json_extract(body, '$.code'),
    null,
    null,
    null,
    null,
    null,
    coalesce(json_extract(body, '$.count'), 1),
    json_extract(body, '$.method'),
    json_extract(body, '$.path'),
    json_extract(body, '$.detail')
  from events
  where kind in ('refusal', 'refusals');

create view observations as
  -- One row for each reason for which a rule would have denied a write, had the policy not only observed it on that day.
  -- They changed nothing: what else was found approved or denied the write, and its denials are in the view of that name.
  select
    d.seq, -- row of the journal
    d.decision_id, -- the id that the client was told
    d.utc, -- when it was judged
    json_extract(d.body, '$.client') as client, -- registered name of the client
    json_extract(d.body, '$.verdict') as verdict, -- what became of the write all the same: approved or denied
    json_extract(c.value, '$[3]') as code, -- the reason's code
    json_extract(c.value, '$[0]') as rule, -- the policy's key that would have denied
    json_extract(c.value, '$[1]') as observed, -- what was seen
    json_extract(c.value, '$[2]') as limit_value, -- what would have been allowed
    json_extract(c.value, '$[5]') as unit, -- what the two count, in one word; empty when they are no figures
    json_extract(c.value, '$[4]') as leg -- which order of a batch, from 0; null when it is about the whole
  from events as d, json_each(d.body, '$.checks') as c
  where d.kind = 'decision'
    and json_extract(c.value, '$[3]') is not null
    and not json_extract(c.value, '$[6]');

create view first_seen as
  -- One row for each market that the policy's list let anybody into: the first write that was judged in it, whatever
  -- became of it. A market that was listed lately, and that an entry with a `*` covers without anybody having named it,
  -- comes here with its first order; `where utc >= '2026-11-21'` asks for a day's new ones. A write that only reduces
  -- is let in wherever something is held.
  select
    min(d.seq) as seq, -- row of the journal
    json_extract(c.value, '$[1]') as ticker, -- the market
    json_extract(c.value, '$[0]') as rule, -- the entry of the list that decided for it then
    d.decision_id, -- the id that the client was told
    d.utc, -- when it was judged
    json_extract(d.body, '$.client') as client, -- registered name of the client
    json_extract(d.body, '$.mode') as mode, -- live, or dry_run where nothing is sent
    json_extract(d.body, '$.verdict') as verdict, -- approved or denied
    json_extract(d.body, '$.policy') as policy -- hash of the policy it was judged by (policies.hash)
  from events as d, json_each(d.body, '$.checks') as c
  where d.kind = 'decision'
    and json_extract(c.value, '$[2]') = 'allow: true'
    and json_extract(c.value, '$[3]') is null
  group by ticker;

create view orders as
  -- One row for each order that a client asked to create, from the request to its fill; every leg of a batch has its own.
  -- An approved order whose outcome is unknown may be live at the exchange.
  with placed as (
    select d.*, l.key as leg, l.value as item
    from decisions as d, json_each(d.request, '$.orders') as l
    where d.type in ('create_order', 'create_batch')
  ), answered as (
    select p.*, coalesce(
      (
        select a.value from events as o, json_each(o.body, '$.legs') as a
        where o.decision_id = p.decision_id and o.kind = 'outcome'
          and json_extract(a.value, '$.client_order_id') = json_extract(p.item, '$.client_order_id')
        order by o.seq desc
        limit 1
      ),
      (
        select a.value from json_each(p.legs) as a
        where json_extract(a.value, '$.client_order_id') is null and a.key = p.leg
      )
    ) as answer
    from placed as p
  ), reads as materialized (
    select json_extract(c.value, '$.key') as order_key, c.value as last_read, max(e.seq)
    from events as e, json_each(e.body, '$.changes') as c
    where e.kind in ('reconciliation', 'resolution') and json_extract(c.value, '$.kind') = 'order_read'
    group by order_key
  ), told as (
    select
      answered.*,
      coalesce(
        json_extract(answer, '$.state'),
        case when outcome = 'accepted' and type = 'create_batch' then 'unknown' else outcome end
      ) as leg_outcome,
      last_read,
      coalesce(
        json_extract(last_read, '$.filled'), cast(replace(json_extract(answer, '$.fill_count'), '.', '') as integer)
      ) as filled,
      coalesce(
        json_extract(last_read, '$.is_open'), cast(replace(json_extract(answer, '$.remaining_count'), '.', '') as integer) > 0
      ) as is_open
    from answered left join reads on order_key = decision_id || '/' || leg
  )
  select
    seq, -- row of the journal with the judgement
    decision_id, -- the id that the client was told
    leg, -- place in the batch, from 0
    utc, -- when it was judged
    client, -- registered name of the client
    mode, -- live, or dry_run where nothing is sent
    type, -- create_order, or create_batch for a leg of a batch
    json_extract(item, '$.ticker') as ticker, -- market
    json_extract(item, '$.side') as side, -- bid or ask, of the YES leg
    json_extract(item, '$.count') as count, -- contracts asked for, as text with 2 decimals
    json_extract(item, '$.price') as price, -- limit price of the YES leg in dollars, as text with 4 decimals
    json_extract(item, '$.client_order_id') as client_order_id, -- the client's own id, or the one written in for it
    verdict, -- approved or denied
    codes, -- why the request was denied: every code, separated by spaces
    leg_outcome as outcome, -- as in decisions, for this order; unknown when the answer to a batch did not tell about it
    json_extract(answer, '$.code') as reject_code, -- the exchange's own code when it rejected the order
    json_extract(answer, '$.order_id') as order_id, -- the exchange's id
    json_extract(answer, '$.fill_count') as fill_count, -- contracts filled at once, as the exchange wrote it
    json_extract(answer, '$.remaining_count') as remaining_count, -- contracts left resting, as the exchange wrote it
    json_extract(answer, '$.average_fill_price') as average_fill_price, -- dollars, as the exchange wrote it
    outcome_utc, -- when the outcome was known
    case
      when leg_outcome <> 'accepted' and last_read is null then leg_outcome
      when is_open and filled > 0 then 'partial'
      when is_open then 'resting'
      when filled >= cast(replace(json_extract(item, '$.count'), '.', '') as integer) then 'filled'
      when filled is null then leg_outcome
      else 'canceled'
    end as state, -- what has become of it, as last answered or read: resting, partial (filled in part, may fill more), filled, canceled (with filled_count; an order that an amend made smaller ends so too), or the outcome of one that is no order
    case when filled is null then null else printf('%d.%02d', filled / 100, filled % 100) end as filled_count, -- contracts filled, as last answered or read, as text with 2 decimals
    policy -- hash of the policy it was judged by (policies.hash)
  from told;

create view reconciliations as
  -- One row for each time the exchange's own record was read and told anything new, and at least every ten minutes; several, of one as_of_ms, where more than a hundred orders told something.
  select
    seq, -- row of the journal
    utc, -- when it was taken in
    boot, -- which run of the program read it
    json_extract(body, '$.as_of_ms') as as_of_ms, -- what was read is of this moment or later, by the exchange's clock, in milliseconds since 1970
    json_extract(body, '$.took_us') as took_us, -- microseconds from the first request to the comparison
    json_extract(body, '$.orders') as orders, -- orders that were read
    json_extract(body, '$.positions') as positions, -- positions that were read
    json_array_length(body, '$.changes') as changes, -- how many things it changed in what is counted
    json_array_length(body, '$.breaks') as breaks -- how many differences stand (see breaks)
  from events
  where kind = 'reconciliation';

create view breaks as
  -- One row for each difference between the exchange's record and ours, each time that it was recorded: one that stands is told again whenever anything changes.
  select
    e.seq, -- row of the journal
    e.utc, -- when it was found, or found to stand
    json_extract(b.value, '$.kind') as kind, -- orphan (an order past the proxy), ghost (one of ours that the exchange does not know), terms (one that is not as it was sent) or position
    json_extract(b.value, '$.subject') as subject, -- order id at the exchange, or market and subaccount
    json_extract(b.value, '$.detail') as detail -- what differs, in words
  from events as e, json_each(e.body, '$.breaks') as b
  where e.kind = 'reconciliation';

create view changes as
  -- One row for each thing that the exchange's record, or a person, changed in what is counted.
  select
    e.seq, -- row of the journal
    e.utc, -- when it was taken in
    e.kind as source, -- reconciliation, or resolution where a person said so
    json_extract(c.value, '$.kind') as kind, -- order_read, order_absent, orphan_order, orphan_explained, amend_absent, write_resolved, silent, position_seen, position_adopted, place_learned, money_read, groups_read, baseline_read, day_began, fills_read (with every fill that was new), paid_out, start_read, unexplained or marked
    coalesce(json_extract(c.value, '$.key'), json_extract(c.value, '$.order.key')) as order_key, -- decision and leg of the order it is about, or exchange/ and the order id of one that is not ours
    coalesce(json_extract(c.value, '$.order_id'), json_extract(c.value, '$.order.order_id')) as order_id, -- the exchange's id of that order
    nullif(json_extract(c.value, '$.decision_id'), '') as decision_id, -- the write that it is about
    c.value as detail -- JSON: all of it; prices in $0.0001, counts in 0.01 contracts, money in $0.000001
  from events as e, json_each(e.body, '$.changes') as c
  where e.kind in ('reconciliation', 'resolution');

create view resolutions as
  -- One row for each thing that a person settled because the exchange's record could not.
  select
    seq, -- row of the journal
    utc, -- when it was settled
    json_extract(body, '$.name') as name, -- decision, order key, or order id of an orphan
    json_extract(body, '$.as') as settled_as, -- absent or done
    json_extract(body, '$.by') as said_by, -- who said so
    json_extract(body, '$.reason') as reason, -- how it was known
    json_extract(body, '$.actor') as actor, -- the user that ran the command
    json_array_length(body, '$.changes') as changes -- how many things it changed in what is counted
  from events
  where kind = 'resolution';

create view trading_states as
  -- One row for each time that trading was stopped or resumed, the whole account's or one client's.
  select
    seq, -- row of the journal
    utc, -- when it was asked for; a stop holds from then on, a resume once this row was on disk and unless a stop came between
    boot, -- which run of the program it was told
    coalesce(json_extract(body, '$.client'), '') as client, -- whose trading; empty for the whole account
    json_extract(body, '$.state') as state, -- ACTIVE, REDUCING or HALTED
    json_extract(body, '$.previous') as previous, -- the state before
    json_extract(body, '$.cause') as cause, -- operator, file, signal, environment or preflight; or what stops by itself: rejections, denials, exchange_errors, clock_skew, breaks, loss, repeat or order_group
    json_extract(body, '$.actor') as actor, -- the user that ran the command; empty where nobody did
    json_extract(body, '$.by') as said_by, -- who said so
    json_extract(body, '$.reason') as reason -- why, in words
  from events
  where kind = 'trading_state';

create view day_losses as
  -- One row for each time that a day's loss reached a limit, or a further tenth of it. Figures in $0.000001, positive for a loss.
  select
    seq, -- row of the journal
    utc, -- when it was seen
    json_extract(body, '$.day') as day, -- the date in the policy's time zone
    json_extract(body, '$.client') as client, -- whose limit; empty for the whole account's
    json_extract(body, '$.rule') as rule, -- the policy's key
    json_extract(body, '$.limit') as max_loss, -- what it allows
    json_extract(body, '$.loss') as loss, -- the day's loss: the sum of the next three
    json_extract(body, '$.realized') as realized, -- what closing and payouts lost
    json_extract(body, '$.fees') as fees, -- what the exchange charged
    json_extract(body, '$.mark') as held -- what is held is worth so much less than it was bought for, or than when the day began
  from events
  where kind = 'day_loss';

create view confirmations as
  -- One row for each approval of an order that waited for a person, with the order that passed by it.
  select
    c.seq, -- row of the journal
    c.utc, -- when it was approved
    c.decision_id, -- the decision that was denied as CONFIRMATION_REQUIRED and was approved
    json_extract(asked.body, '$.client') as client, -- registered name of the client that asked
    json_extract(c.body, '$.approver') as approver, -- the person, as the kernel names the user
    json_extract(c.body, '$.actor') as actor, -- the user that ran the command; `PERSON as root` where root was become
    json_extract(c.body, '$.by') as said_by, -- who said so
    json_extract(c.body, '$.reason') as reason, -- why, in words
    used.decision_id as used_by, -- the decision that passed by it; null while there is none
    used.utc as used_utc, -- when that was
    json_extract(asked.body, '$.request') as request -- JSON: the order as it was asked for
  from events as c
  left join events as asked on asked.seq = (
    select min(first.seq) from events as first where first.decision_id = c.decision_id and first.kind = 'decision'
  )
  left join events as used on used.seq = (
    select min(later.seq) from events as later
    where later.kind = 'decision' and later.seq > c.seq
      and json_extract(later.body, '$.facts.confirmed') = c.decision_id
      and json_extract(later.body, '$.verdict') = 'approved'
  )
  where c.kind = 'confirmation';

create view notices as
  -- One row for each time that a limit was found to be nearly used up: once for each limit, level and day.
  select
    seq, -- row of the journal
    utc, -- when it was found
    json_extract(body, '$.day') as day, -- the day in the policy's time zone
    json_extract(body, '$.rule') as rule, -- the policy's key
    json_extract(body, '$.client') as client, -- whose own figure it is; empty for the whole account's
    json_extract(body, '$.of') as of, -- market, event or series that has used most of it; empty where it is about all of them
    json_extract(body, '$.level') as level, -- the highest level that was reached, in percent
    json_extract(body, '$.levels') as levels, -- JSON: all levels that were reached with it and not before
    json_extract(body, '$.percent') as percent, -- how much of the limit was used, cut to a whole percent
    json_extract(body, '$.used') as used, -- how much was used
    json_extract(body, '$.limit') as limit_value -- the limit
  from events
  where kind = 'notice';

create view untold as
  -- One row for each run of the operator's command (`notify.command`) that failed: somebody was to be told and was not.
  select
    seq, -- row of the journal
    utc, -- when it had failed
    json_extract(body, '$.notice') as notice, -- what it was about: threshold, trading_state or break
    json_extract(body, '$.problem') as problem, -- why it failed
    json_extract(body, '$.told') as told -- JSON: all that it was given on its standard input
  from events
  where kind = 'untold';

create view reads as
  -- One row for each read that was passed through; they are recorded in batches.
  select
    e.seq, -- row of the journal that the read came with
    json_extract(r.value, '$.utc') as utc, -- when it was asked for
    json_extract(r.value, '$.client') as client, -- registered name of the client
    json_extract(r.value, '$.door') as door, -- proxy, base_url, operator or own
    json_extract(r.value, '$.method') as method, -- HTTP method
    json_extract(r.value, '$.path') as path, -- path at the exchange
    json_extract(r.value, '$.status') as status, -- HTTP status of the answer
    json_extract(r.value, '$.us') as us -- microseconds from the request to the answer
  from events as e, json_each(e.body, '$.reads') as r
  where e.kind = 'reads';

create view streams as
  -- One row for each stream that a client was let in to: a live handshake may have been signed for every one of them.
  select
    a.seq, -- row of the journal that came before the handshake
    a.decision_id, -- the id that all rows of the stream share
    a.utc, -- when it was asked for
    a.boot, -- which run of the program it belonged to
    json_extract(a.body, '$.client') as client, -- registered name of the client
    json_extract(a.body, '$.door') as door, -- proxy, base_url, operator or own
    coalesce(json_extract(l.body, '$.state'), 'asked') as state, -- the last that is known: asked, refused by or at the exchange, opened or closed
    json_extract(l.body, '$.code') as code, -- close code as it came, 1005 for none and 1006 for no close at all; the denial code of a refused one
    json_extract(l.body, '$.by') as ended_by, -- client, exchange or proxy; null unless it is closed
    coalesce(json_extract(l.body, '$.reason'), json_extract(l.body, '$.detail')) as reason, -- why it was closed or refused, in words
    json_extract(l.body, '$.status') as status, -- HTTP status that the exchange answered instead of opening it
    json_extract(l.body, '$.commands') as commands, -- commands passed up; null unless it is closed
    json_extract(l.body, '$.messages') as messages, -- messages passed down; null unless it is closed
    l.utc as last_utc -- when that was
  from events as a
  left join events as l on l.seq = (
    select max(later.seq) from events as later
    where later.decision_id = a.decision_id and later.kind = 'stream' and later.seq > a.seq
  )
  where a.kind = 'stream' and json_extract(a.body, '$.state') = 'asked';
