-- The ledger as it was first released. A step that was released is never changed: the next one is a file of its own.

create table setting(name text primary key, value text not null);

create table file(
    -- By bytes, as every other ledger orders ids; also the fastest comparison.
    id text collate "C" primary key,
    grp text collate "C" not null,
    kind text not null,
    state smallint not null default 0,
    fence bigint not null default 0,
    size bigint, crc32 bigint, mtime bigint,
    attempts integer not null default 0, next_at bigint not null default 0,
    lease_owner text, lease_until bigint, reason text, level text, proof text,
    object_key text, etag text, upload_id text,
    changed_at bigint not null default 0, verified_at bigint,
    accepted boolean not null default false, pending boolean not null default false, seen bigint not null default 0,
    large boolean not null generated always as (coalesce(size, 0) >= 8388608) stored,
    -- Spreads the files, whatever the order of their ids: workers that begin at places of their own do not meet, and
    -- leave the dead entries of an index behind instead of walking over them.
    place smallint not null
) with (
    -- A row is written twice or three times in its life: its new versions find room on its own page.
    fillfactor = 60,
    -- Rows that moved on are cleared away every half million, however large the table is, and without pauses: what is
    -- left of them is in the way of claims.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.1
);

create index file_to_copy on file(large, place) where state = 0;
create index file_to_copy_of_group on file(grp, large, place) where state = 0;
create index file_leased on file(lease_until) where state = 1;
create index file_pending on file(id) where pending;
create index file_deleted on file(grp, changed_at) where state = 7;
-- Not the reason itself: an entry of an index must not be longer than a third of a page, and a reason may.
create index file_to_look_at on file(state, grp) where state in (6, 8);

-- How many files of a group are in a state. Each connection counts in rows of its own, named by its process: none waits
-- for another. The sum over all is exact.
create table tally(
    slot integer not null, grp text collate "C" not null, state smallint not null,
    files bigint not null, bytes bigint not null,
    primary key (slot, grp, state)
) with (fillfactor = 50);

create function count_added() returns trigger language plpgsql as $$
begin
    insert into tally as t(slot, grp, state, files, bytes)
    select pg_backend_pid(), grp, state, count(*), coalesce(sum(size), 0) from added group by grp, state
    on conflict (slot, grp, state) do update set files = t.files + excluded.files, bytes = t.bytes + excluded.bytes;
    return null;
end $$;

create function count_changed() returns trigger language plpgsql as $$
begin
    insert into tally as t(slot, grp, state, files, bytes)
    select pg_backend_pid(), grp, state, sum(files), sum(bytes) from (
        select grp, state, 1 as files, coalesce(size, 0) as bytes from became
        union all
        select grp, state, -1, -coalesce(size, 0) from was
    ) as step group by grp, state having sum(files) <> 0 or sum(bytes) <> 0
    on conflict (slot, grp, state) do update set files = t.files + excluded.files, bytes = t.bytes + excluded.bytes;
    return null;
end $$;

create function count_removed() returns trigger language plpgsql as $$
begin
    insert into tally as t(slot, grp, state, files, bytes)
    select pg_backend_pid(), grp, state, -count(*), -coalesce(sum(size), 0) from removed group by grp, state
    on conflict (slot, grp, state) do update set files = t.files + excluded.files, bytes = t.bytes + excluded.bytes;
    return null;
end $$;

create trigger file_added after insert on file
    referencing new table as added for each statement execute function count_added();
create trigger file_changed after update on file
    referencing old table as was new table as became for each statement execute function count_changed();
create trigger file_removed after delete on file
    referencing old table as removed for each statement execute function count_removed();

create table route(grp text primary key, route text not null);

create table source(
    name text primary key, grp text, scanned_at bigint not null, files bigint not null, complete boolean not null
);

create table event(
    number bigint generated always as identity primary key,
    at bigint not null, name text not null, detail text not null
);

-- What workers have drawn of the limits. Not logged: a crash may forget it, and a draw waits for no disk.
create unlogged table account(name text primary key, free_at double precision not null);
