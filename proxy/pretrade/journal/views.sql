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
    json_extract(d.body, '$.door') as door, -- proxy or base_url
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
    end as outcome, -- accepted, rejected, not_sent, unknown or dry_run; in_flight while this run waits for the answer; null when denied
    json_extract(o.body, '$.status') as status, -- HTTP status of the exchange's answer; null when there was none
    json_extract(o.body, '$.detail') as detail, -- what else is known about the outcome, in words
    o.utc as outcome_utc, -- when the outcome was known
    o.seq as outcome_seq, -- row of the journal with the last outcome
    json_extract(d.body, '$.policy') as policy, -- hash of the policy it was judged by (policies.hash)
    json_extract(d.body, '$.request') as request, -- JSON: the request as it was judged and would be sent
    json_extract(d.body, '$.rewrites') as rewrites, -- JSON: names of the fields that were written in for the client
    json_extract(d.body, '$.facts') as facts, -- JSON: everything else the judgement looked at
    json_extract(d.body, '$.checks') as checks, -- JSON: every check with the rule, what it saw and the limit
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
    json_extract(d.body, '$.door') as door, -- proxy or base_url; null for counted refusals
    'decide' as step, -- where on the way: destination, endpoint, client, decode, decide, journal, send or fault
    json_extract(c.value, '$.code') as code, -- the reason's code
    json_extract(c.value, '$.rule') as rule, -- the policy's key, or the fact, that objected; null before the judgement
    json_extract(c.value, '$.observed') as observed, -- what was seen
    json_extract(c.value, '$.limit') as limit_value, -- what was allowed
    json_extract(c.value, '$.leg') as leg, -- which order of a batch, from 0; null when it is about the whole
    1 as count, -- how many requests the row stands for: more than 1 when a flood was counted
    json_extract(d.body, '$.method') as method, -- HTTP method; null for counted refusals
    json_extract(d.body, '$.path') as path, -- path as the client sent it; null for counted refusals
    null as detail -- what was wrong, in words; null where observed and limit_value say it
  from events as d, json_each(d.body, '$.checks') as c
  where d.kind = 'decision'
    and json_extract(d.body, '$.verdict') = 'denied'
    and json_extract(c.value, '$.code') is not null
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
    coalesce(json_extract(body, '$.count'), 1),
    json_extract(body, '$.method'),
    json_extract(body, '$.path'),
    json_extract(body, '$.detail')
  from events
  where kind in ('refusal', 'refusals');

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
        select a.value from json_each(p.legs) as a
        where json_extract(a.value, '$.client_order_id') = json_extract(p.item, '$.client_order_id')
        limit 1
      ),
      (
        select a.value from json_each(p.legs) as a
        where json_extract(a.value, '$.client_order_id') is null and a.key = p.leg
      )
    ) as answer
    from placed as p
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
    coalesce(
      json_extract(answer, '$.state'),
      case when outcome = 'accepted' and type = 'create_batch' then 'unknown' else outcome end
    ) as outcome, -- as in decisions, for this order; unknown when the answer to a batch did not tell about it
    json_extract(answer, '$.code') as reject_code, -- the exchange's own code when it rejected the order
    json_extract(answer, '$.order_id') as order_id, -- the exchange's id
    json_extract(answer, '$.fill_count') as fill_count, -- contracts filled at once, as the exchange wrote it
    json_extract(answer, '$.remaining_count') as remaining_count, -- contracts left resting, as the exchange wrote it
    json_extract(answer, '$.average_fill_price') as average_fill_price, -- dollars, as the exchange wrote it
    outcome_utc, -- when the outcome was known
    policy -- hash of the policy it was judged by (policies.hash)
  from answered;

create view reads as
  -- One row for each read that was passed through; they are recorded in batches.
  select
    e.seq, -- row of the journal that the read came with
    json_extract(r.value, '$.utc') as utc, -- when it was asked for
    json_extract(r.value, '$.client') as client, -- registered name of the client
    json_extract(r.value, '$.door') as door, -- proxy or base_url
    json_extract(r.value, '$.method') as method, -- HTTP method
    json_extract(r.value, '$.path') as path, -- path at the exchange
    json_extract(r.value, '$.status') as status, -- HTTP status of the answer
    json_extract(r.value, '$.us') as us -- microseconds from the request to the answer
  from events as e, json_each(e.body, '$.reads') as r
  where e.kind = 'reads';
