create view policies as
  -- One row for each time a policy came into force: from the hash in any other row to the exact text.
  select
    seq, -- row of the journal
    utc, -- when it came into force
    json_extract(body, '$.hash') as hash, -- SHA-256 of the text, as decisions name it
    json_extract(body, '$.source') as source, -- the file it was read from
    json_extract(body, '$.text') as text -- the whole policy as it was read
  from events where kind = 'policy';
