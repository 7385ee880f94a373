-- A claim and a longer lease change no column of an index: the new version of the row stays on its page, and no index
-- gets an entry ("hot" updates, PostgreSQL manual, 73.7). Until now the state and the end of the lease were in indexes.

-- Most rows change twice on their page: half of it is left for them. The columns below rewrite the table, and obey.
alter table file set (fillfactor = 45);

alter table file
    -- Which list a row is on. What is claimed stays on the list of what is to be copied.
    add column shelf smallint not null generated always as (case state when 1 then 0 else state end) stored,
    -- With which others it was claimed last.
    add column batch bigint;

drop index file_to_copy, file_to_copy_of_group, file_leased, file_deleted, file_to_look_at;
create index file_to_copy on file(large, place) where shelf = 0;
create index file_to_copy_of_group on file(grp, large, place) where shelf = 0;
create index file_deleted on file(grp, changed_at) where shelf = 7;
create index file_to_look_at on file(shelf, grp) where shelf in (6, 8);

-- Files that were claimed together. Leads to leases: each file that is being copied (state 1) is in a batch. The rows of
-- the files decide; a batch may be there longer than any of its leases.
create table batch(
    number bigint primary key,
    -- None of its leases ends before.
    until bigint not null,
    -- The first and the last of the places of its files.
    first smallint not null, last smallint not null,
    -- At most so many are being copied.
    open integer not null,
    ids text[] collate "C" not null
) with (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 10000,
    toast.autovacuum_vacuum_cost_delay = 0
);
-- Compressing the ids would cost more than writing them.
alter table batch alter column ids set storage external;

create function note_batches() returns trigger language plpgsql as $$
begin
    insert into batch
    select (random() * 4e18)::bigint, min(lease_until), min(place), max(place), count(*), array_agg(id)
    from added where state = 1 having count(*) > 0;
    return null;
end $$;

-- Of a ledger that is copied here.
create trigger file_added_claimed after insert on file
    referencing new table as added for each statement execute function note_batches();

insert into batch
select (random() * 4e18)::bigint, min(lease_until), min(place), max(place), count(*), array_agg(id)
from file where state = 1 having count(*) > 0;
